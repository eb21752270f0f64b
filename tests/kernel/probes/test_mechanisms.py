"""The same traffic seen by every mechanism at once, and prime numbers of sends by each."""

import os
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from zcprobe.config import RunConfig
from zcprobe.dataset.load import load_run
from zcprobe.dataset.run import Run
from zcprobe.lab.journal import journal
from zcprobe.lab.scenarios import find_scenario, open_lab
from zcprobe.native import lib
from zcprobe.native.structs import dtype_of
from zcprobe.policies import find_policy
from zcprobe.probes.session import MeasurementCounts, ProbeSession, Target
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

TOGETHER = AVAILABLE if len(AVAILABLE) > 1 else AVAILABLE * 2
"""Where there is only one mechanism, two sessions of it must still agree."""

SAME = ("enobufs", "merged", "read", "purged", "refused", "completions_read", "sends")
TRIES = 5


def is_exact(run: Run, count: int, *, by_functions: bool) -> bool:
    (counts,) = run.meta["sockets"]
    exact = counts["sends"] == counts["completions_read"] == count and run.meta["send_results"]["0"] == count
    if by_functions:
        # a send that was refused, or that ended in EAGAIN, took its uarg back
        charged = counts["uargs_charged"] - counts["discarded"] - counts["refused"]
        exact &= charged + counts["uargs_extended"] == count
        exact &= charged == counts["read"] + counts["merged"] + counts["purged"]
    return bool(exact)


@pytest.mark.parametrize("count", [23, 1009, 100_003])
def test_prime_numbers_of_sends_are_seen_exactly(count: int, probes: ProbeSession, tmp_path: Path) -> None:
    config = with_scenario_defaults(RunConfig(scenario="in-order", send_bytes=4096, send_count=count))
    for _ in range(TRIES):
        folder = record_run(config, tmp_path, probes, Interruption()).folder
        run = load_run(folder, allow_incomplete=True)
        assert run.summary["sends"] == run.summary["completions"] == count
        assert int((run.notifications["hi"] - run.notifications["lo"] + 1).sum()) == count
        exact = is_exact(run, count, by_functions=probes.mechanism != "tracepoint")
        if not run.meta["missed_runs"]:
            break
        # a program that was skipped may be one that counts for this run: then the run must not pass for whole
        assert probes.mechanism == "kprobe"
        assert exact or not run.meta["complete"]
    assert exact
    assert [finding for finding in run.meta["reconciliation"] if not finding["holds"]] == []
    assert run.meta["missed_runs"] == {}


RETURN_0 = bytes([0xB7, *[0] * 7, 0x95, *[0] * 7])
"""A BPF program."""


def test_tracepoints_are_typed_where_the_kernel_lets_any_program_be(probes: ProbeSession) -> None:
    """The other way counts the same at twice the time, so nothing else would show that the verifier refused ours."""
    link = lib.zc_attach_by_btf(b"on_trial", RETURN_0, len(RETURN_0), lib.ZC_ATTACH_TRACEPOINT, b"consume_skb")
    if link >= 0:
        os.close(link)
    assert probes.typed == (probes.mechanism == "tracepoint" and link >= 0)


def send_in_lab(sessions: list[ProbeSession], folder: Path) -> list[tuple[MeasurementCounts, NDArray[np.void]]]:
    """One run of a sender that dies or is saved by reading, watched by all sessions."""
    config = with_scenario_defaults(
        RunConfig(
            scenario="held-completions",
            policy="drain-every",
            parameters=find_policy("drain-every").defaults,
            send_count=2003,
        )
    )
    scenario = find_scenario(config.scenario)
    paths = [folder / f"{number}" for number in range(len(sessions))]
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
            with Child("zcprobe.sender", task) as sender, ExitStack() as stack:
                sender.expect(SenderReady, 60)
                watched = [
                    stack.enter_context(session.measure(target, path))
                    for session, path in zip(sessions, paths, strict=True)
                ]
                sender.send_line()
                sender.expect(SenderReport, 120)
                sender.process.wait()
    events = [np.fromfile(path, dtype_of("zc_kernel_event")) for path in paths]
    return list(zip(watched, events, strict=True))


def ranges(events: NDArray[np.void], kind: int) -> list[tuple[int, int, int]]:
    chosen = events[events["kind"] == kind]
    return sorted(zip(chosen["lo"].tolist(), chosen["hi"].tolist(), chosen["copied"].tolist(), strict=True))


def refusals(events: NDArray[np.void]) -> list[int]:
    candidates: list[int] = events[events["kind"] == lib.ZC_EVENT_ENOBUFS]["candidates"].tolist()
    return candidates


def assert_same(
    one: MeasurementCounts, events: NDArray[np.void], other: MeasurementCounts, others: NDArray[np.void]
) -> None:
    assert one.lost_events == other.lost_events == 0
    assert one.send_results == other.send_results
    (counts,), (other_counts,) = one.sockets.values(), other.sockets.values()
    assert {name: getattr(counts, name) for name in SAME} == {name: getattr(other_counts, name) for name in SAME}
    # a neighbour may have gone when one of them looked for it
    unsure = counts.copies_unsure + other_counts.copies_unsure
    assert abs(counts.completions_copied - other_counts.completions_copied) <= unsure
    assert counts.read > 0
    for kind in (lib.ZC_EVENT_READ, lib.ZC_EVENT_MERGED, lib.ZC_EVENT_PURGED):
        assert ranges(events, kind) == ranges(others, kind)
    assert refusals(events) == refusals(others)


def test_every_mechanism_gives_the_same_numbers(tmp_path: Path) -> None:
    with ExitStack() as stack:
        sessions = [stack.enter_context(ProbeSession(mechanism)) for mechanism in TOGETHER]
        for _ in range(TRIES):
            seen = send_in_lab(sessions, tmp_path)
            # a kprobe's program that was skipped cannot have counted
            if not any(counts.missed_runs for counts, _ in seen):
                break
    assert [counts.missed_runs for counts, _ in seen] == [{}] * len(TOGETHER)
    (one, events), *rest = seen
    for other, other_events in rest:
        assert_same(one, events, other, other_events)
