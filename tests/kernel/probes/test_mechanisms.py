# SPDX-License-Identifier: GPL-2.0-only
"""The same traffic seen by every mechanism at once, and prime numbers of sends by each."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.guests.probe_table import add_costs, costs_of
from tests.sending import send, sender_in_lab
from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.benchmark.run import record_run
from zcprobe.config import RunConfig
from zcprobe.dataset.load import load_run
from zcprobe.dataset.run import Run
from zcprobe.interrupt import Interruption
from zcprobe.native import ffi, lib
from zcprobe.native.structs import dtype_of
from zcprobe.policies import find_policy
from zcprobe.probes.measurement import MeasurementCounts, Target
from zcprobe.probes.session import ProbeSession

from .conftest import AVAILABLE, IN_GUEST, may_have_missed

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("all_cpus", "nothing_left"),
]

SAME = ("enobufs", "merged", "read", "purged", "refused", "completions_read", "sends")
TRIES = 5


def is_exact(run: Run, count: int, *, by_functions: bool) -> bool:
    (counts,) = run.meta.sockets
    exact = counts.sends == counts.completions_read == count and run.meta.send_results["0"] == count
    if by_functions:
        # a send that was refused, or ended in EAGAIN, released its uarg
        charged = counts.uargs_charged - counts.discarded - counts.refused
        exact &= charged + counts.uargs_extended == count
        exact &= charged == counts.read + counts.merged + counts.purged
    return bool(exact)


class Measured(msgspec.Struct):
    """`times`: BPF function -> (runs, nanoseconds)."""

    run: Run
    times: dict[str, tuple[int, int]]


COUNT = 1009


def measure(probes: ProbeSession, folder: Path) -> Measured:
    benchmark = benchmark_of(RunConfig(scenario="in-order", send_bytes=4096, send_count=COUNT))
    with probes.timed() as times:
        folder = record_run(benchmark, folder, probes, Interruption()).folder
    return Measured(load_run(folder, allow_incomplete=True), times)


@pytest.fixture(scope="module")
def measured(probes: ProbeSession, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """A run of a prime number of sends: the first in which no probe was skipped."""
    for _ in range(TRIES):
        measured = measure(probes, tmp_path_factory.mktemp("runs"))
        if not may_have_missed(probes.mechanism, measured.run.meta.missed_runs):
            break
        if is_exact(measured.run, COUNT, by_functions=probes.mechanism != "tracepoint"):
            break
        assert not measured.run.meta.complete
    return measured


def test_a_prime_number_of_sends_is_seen_exactly(probes: ProbeSession, measured: Measured) -> None:
    run = measured.run
    assert run.sender.sends == run.sender.completions == COUNT
    assert int((run.notifications["hi"] - run.notifications["lo"] + 1).sum()) == COUNT
    assert is_exact(run, COUNT, by_functions=probes.mechanism != "tracepoint")
    assert [finding for finding in run.meta.reconciliation if not finding.holds] == []
    assert run.meta.typed_tracepoints == probes.typed


def test_each_send_runs_as_many_programs_as_it_must(probes: ProbeSession, measured: Measured, tmp_path: Path) -> None:
    wanted = 2 if probes.mechanism == "kprobe" else 1
    for _ in range(TRIES):
        costs = costs_of(probes, measured.times, measured.run.sender.duration_ns, COUNT)
        # also the sends of others on this machine, whose number varies
        if costs["sendmsg"].runs_per_send <= 1.1 * wanted:
            break
        measured = measure(probes, tmp_path)
    assert costs["sendmsg"].runs_per_send == pytest.approx(wanted, rel=0.1)
    assert all(cost.share > 0 for cost in costs.values() if cost.runs_per_send)
    assert sorted(name for cost in costs.values() for name in cost.attached) == sorted(probes.attached)
    if IN_GUEST:
        add_costs(Path(os.environ["ZCPROBE_GUEST_FOLDER"]), probes.mechanism, costs)


RETURN_0 = bytes([0xB7, *[0] * 7, 0x95, *[0] * 7])
"""A BPF program."""


def test_tracepoints_are_typed_where_the_kernel_lets_any_program_be(probes: ProbeSession) -> None:
    """Untyped tracepoints count the same in twice the time, so nothing else would show that the verifier refused typed
    ones."""
    point = lib.ZC_ATTACH_TRACEPOINT
    link = lib.zc_attach_by_btf(ffi.NULL, b"on_trial", RETURN_0, len(RETURN_0), point, b"consume_skb")
    if link >= 0:
        os.close(link)
    assert probes.typed == (probes.mechanism == "tracepoint" and link >= 0)


def send_in_lab(
    config: RunConfig, sessions: list[ProbeSession], folder: Path
) -> list[tuple[MeasurementCounts, NDArray[np.void]]]:
    """One run of a sender, watched by all sessions."""
    paths = [folder / f"{number}" for number in range(len(sessions))]
    with sender_in_lab(config) as (lab, sender), ExitStack() as stack:
        target = Target(lab.sender_netns_inode)
        watched = [
            stack.enter_context(session.measure(target, path)) for session, path in zip(sessions, paths, strict=True)
        ]
        send(sender, config)
    events = [np.fromfile(path, dtype_of("zc_kernel_event")) for path in paths]
    return list(zip(watched, events, strict=True))


def ranges(events: NDArray[np.void], kind: int) -> list[tuple[int, int, int]]:
    chosen = events[events["kind"] == kind]
    return sorted(zip(chosen["lo"].tolist(), chosen["hi"].tolist(), chosen["copied"].tolist(), strict=True))


def refusals(events: NDArray[np.void]) -> list[int]:
    candidates: list[int] = events[events["kind"] == lib.ZC_EVENT_ENOBUFS]["candidates"].tolist()
    return candidates


def differences(
    one: MeasurementCounts, events: NDArray[np.void], other: MeasurementCounts, others: NDArray[np.void]
) -> list[str]:
    """Names of the counts that two mechanisms report differently for the same traffic."""
    (counts,), (other_counts,) = one.sockets.values(), other.sockets.values()
    pairs = {name: (getattr(counts, name), getattr(other_counts, name)) for name in SAME}
    pairs["send_results"] = (one.send_results, other.send_results)
    pairs["candidates"] = (refusals(events), refusals(others))
    for kind in (lib.ZC_EVENT_READ, lib.ZC_EVENT_MERGED, lib.ZC_EVENT_PURGED):
        pairs[f"ranges of kind {kind}"] = (ranges(events, kind), ranges(others, kind))
    found = [name for name, (mine, theirs) in pairs.items() if mine != theirs]
    # a neighbour may have vanished when one of them looked for it
    unsure = counts.copies_unsure + other_counts.copies_unsure
    if abs(counts.completions_copied - other_counts.completions_copied) > unsure:
        found.append("completions_copied")
    return found


@pytest.fixture(scope="module")
def together(sessions: dict[str, ProbeSession]) -> Iterator[dict[str, ProbeSession]]:
    """If there is only one mechanism, two sessions of it must still agree."""
    if len(sessions) > 1:
        yield sessions
        return
    (mechanism,) = AVAILABLE
    with ProbeSession(mechanism) as another:
        yield {**sessions, f"{mechanism} again": another}


IN_ORDER: dict[str, Any] = {"scenario": "in-order", "send_bytes": 4096, "deadline_s": 300.0}
# a sender that dies or is saved by reading
HELD = {"scenario": "held-completions", "policy": "drain-every", "parameters": find_policy("drain-every").defaults}


def test_detached_probes_see_nothing_and_all_once_they_are_attached_again(probes: ProbeSession, tmp_path: Path) -> None:
    config = benchmark_of(RunConfig(send_count=23, **IN_ORDER)).config
    probes.detach()
    try:
        ((unseen, events),) = send_in_lab(config, [probes], tmp_path)
    finally:
        probes.attach()
    assert (unseen.sockets, len(events), set(unseen.send_results.values()) - {0}) == ({}, 0, set())
    for _ in range(TRIES):
        ((seen, _),) = send_in_lab(config, [probes], tmp_path)
        (counts,) = seen.sockets.values()
        if not may_have_missed(probes.mechanism, seen.missed_runs) or counts.completions_read == 23:
            break
    assert counts.sends == counts.completions_read == seen.send_results[0] == 23


LARGE = 1009 if IN_GUEST else 100_003
"""On a host more than 16 bits can count; in a guest so many take minutes."""


@pytest.mark.parametrize(("traffic", "count"), [(IN_ORDER, 23), (IN_ORDER, LARGE), (HELD, 2003)])
def test_every_mechanism_gives_the_same_numbers(
    traffic: dict[str, Any], count: int, together: dict[str, ProbeSession], tmp_path: Path
) -> None:
    config = benchmark_of(RunConfig(send_count=count, **traffic)).config
    for _ in range(TRIES):
        seen = dict(zip(together, send_in_lab(config, list(together.values()), tmp_path), strict=True))
        assert {counts.lost_events for counts, _ in seen.values()} == {0}
        first, *others = seen.values()
        compared = zip(list(seen)[1:], others, strict=True)
        found = {name: names for name, other in compared if (names := differences(*first, *other))}
        missing = {name for name, (counts, _) in seen.items() if may_have_missed(name, counts.missed_runs)}
        if not found or not missing & {next(iter(seen)), *found}:
            break
    assert found == {}
    (counts,) = first[0].sockets.values()
    assert counts.read > 0
    if traffic is IN_ORDER:
        assert counts.sends == counts.completions_read == count
        for name, (counted, _) in seen.items():
            (one,) = counted.sockets.values()
            if name in ("fentry", "kprobe"):
                assert one.uargs_charged + one.uargs_extended - one.discarded - one.refused == count
                assert one.uargs_charged == one.read + one.merged + one.purged + one.discarded + one.refused
