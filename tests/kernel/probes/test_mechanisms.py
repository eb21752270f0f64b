"""The same traffic seen by two mechanisms at once, and prime numbers of sends by each."""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import zcprobe
from zcprobe.config import RunConfig
from zcprobe.lab.journal import journal
from zcprobe.lab.scenarios import find_scenario, open_lab
from zcprobe.native import lib
from zcprobe.native.structs import dtype_of
from zcprobe.policies import find_policy
from zcprobe.probes.session import ProbeSession, Target
from zcprobe.recorder.child import Child
from zcprobe.recorder.interrupt import Interruption
from zcprobe.recorder.run import record_run, with_scenario_defaults
from zcprobe.sender import SenderReady, SenderReport, SenderTask
from zcprobe.sink import DEFAULT_PORT, SinkReady, SinkTask

from .conftest import AVAILABLE

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

PAIRS = list(itertools.combinations(AVAILABLE, 2)) or [(name, name) for name in AVAILABLE]
"""Where there is only one mechanism, two sessions of it must still agree."""

SAME = ("enobufs", "merged", "read", "purged", "refused", "completions_read", "sends")


@pytest.mark.parametrize("count", [23, 1009])
def test_prime_numbers_of_sends_are_seen_exactly(count: int, probes: ProbeSession, tmp_path: Path) -> None:
    config = with_scenario_defaults(RunConfig(scenario="in-order", send_count=count))
    run = zcprobe.load(record_run(config, tmp_path, probes, Interruption()).folder)
    assert [finding for finding in run.meta["reconciliation"] if not finding["holds"]] == []
    (counts,) = run.meta["sockets"]
    assert counts["sends"] == counts["completions_read"] == run.summary["completions"] == count
    assert run.meta["send_results"] == {"0": count}
    assert run.meta["typed_tracepoints"] == probes.typed
    if probes.mechanism != "tracepoint":
        assert counts["uargs_charged"] + counts["uargs_extended"] == count
        assert counts["uargs_charged"] == counts["read"] + counts["merged"] + counts["purged"]


RETURN_0 = bytes([0xB7, *[0] * 7, 0x95, *[0] * 7])
"""A BPF program."""


def test_tracepoints_are_typed_where_the_kernel_lets_any_program_be(probes: ProbeSession) -> None:
    """The other way counts the same at twice the time, so nothing else would show that the verifier refused ours."""
    link = lib.zc_attach_by_btf(b"on_trial", RETURN_0, len(RETURN_0), lib.ZC_ATTACH_TRACEPOINT, b"consume_skb")
    if link >= 0:
        os.close(link)
    assert probes.typed == (probes.mechanism == "tracepoint" and link >= 0)


def send_in_lab(sessions: tuple[ProbeSession, ProbeSession], folder: Path) -> list[tuple[object, NDArray[np.void]]]:
    """One run of a sender that dies or is saved by reading, watched by both sessions."""
    config = with_scenario_defaults(
        RunConfig(
            scenario="held-completions",
            policy="drain-every",
            parameters=find_policy("drain-every").defaults,
            send_count=2003,
        )
    )
    scenario = find_scenario(config.scenario)
    paths = [folder / name for name in ("first", "second")]
    with (
        journal(f"both{os.getpid()}") as entry,
        open_lab(scenario, run_id=entry.run_id, family="ipv4", optmem_max_bytes=20480, run_journal=entry) as lab,
    ):
        target = Target(lab.sender_netns_inode)
        sink = SinkTask(address=lab.sink_address, port=DEFAULT_PORT, netns_path=lab.sink_netns_path)
        task = SenderTask(
            address=lab.sink_address,
            port=DEFAULT_PORT,
            config=config,
            flush_variant="sticky",
            optmem_max_bytes=lab.optmem_max_bytes,
            netns_path=lab.sender_netns_path,
            memlock_bytes=None,
            spools=[],
        )
        with Child("zcprobe.sink", sink) as receiver:
            receiver.expect(SinkReady, 60)
            with Child("zcprobe.sender", task) as sender:
                sender.expect(SenderReady, 60)
                with sessions[0].measure(target, paths[0]) as one, sessions[1].measure(target, paths[1]) as other:
                    sender.send_line()
                    sender.expect(SenderReport, 120)
                    sender.process.wait()
    events = [np.fromfile(path, dtype_of("zc_kernel_event")) for path in paths]
    return list(zip((one, other), events, strict=True))


def ranges(events: NDArray[np.void], kind: int) -> list[tuple[int, int, int]]:
    chosen = events[events["kind"] == kind]
    return sorted(zip(chosen["lo"].tolist(), chosen["hi"].tolist(), chosen["copied"].tolist(), strict=True))


@pytest.mark.parametrize("mechanisms", PAIRS, ids="-".join)
def test_two_mechanisms_give_the_same_numbers(mechanisms: tuple[str, str], tmp_path: Path) -> None:
    with ProbeSession(mechanisms[0]) as first, ProbeSession(mechanisms[1]) as second:  # type: ignore[arg-type]
        (one, events), (other, other_events) = send_in_lab((first, second), tmp_path)
    assert one.lost_events == other.lost_events == 0  # type: ignore[attr-defined]
    assert one.send_results == other.send_results  # type: ignore[attr-defined]
    (counts,), (others,) = one.sockets.values(), other.sockets.values()  # type: ignore[attr-defined]
    assert {name: getattr(counts, name) for name in SAME} == {name: getattr(others, name) for name in SAME}
    # a neighbour may have gone when one of them looked for it
    unsure = counts.copies_unsure + others.copies_unsure
    assert abs(counts.completions_copied - others.completions_copied) <= unsure
    assert counts.read > 0
    for kind in (lib.ZC_EVENT_READ, lib.ZC_EVENT_MERGED, lib.ZC_EVENT_PURGED):
        assert ranges(events, kind) == ranges(other_events, kind)
    refused = [found[found["kind"] == lib.ZC_EVENT_ENOBUFS]["candidates"].tolist() for found in (events, other_events)]
    assert refused[0] == refused[1]
