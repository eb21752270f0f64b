# SPDX-License-Identifier: GPL-2.0-only
"""Runs in this process that share one load of the probes: counts that must match exactly, and outcomes."""

import os
import signal
import statistics
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.benchmark.run import CompletedRun, record_run
from zcprobe.config import RunConfig
from zcprobe.dataset.load import Run, load_run
from zcprobe.errors import DataLossError, ReconciliationError
from zcprobe.format.findings import Finding
from zcprobe.format.kernel import SKB_TRUESIZE_ZERO_BYTES
from zcprobe.interrupt import Interruption
from zcprobe.probes.session import ProbeSession
from zcprobe.recorder.reconcile import check_complete

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root"),
    pytest.mark.usefixtures("nothing_left"),
]

DECIDED_BY_CHANCE_REPEATS = 5
UNCHARGE_DELAY_NS = 100_000
"""A merged notification is uncharged after its event, in the same softirq."""


@pytest.fixture(scope="module")
def probes() -> Iterator[ProbeSession]:
    with ProbeSession() as session:
        yield session


def record(folder: Path, probes: ProbeSession | None, **config: Any) -> Run:
    completed = record_run(benchmark_of(RunConfig(**config)), folder, probes, Interruption())
    return load_run(completed.folder)


def ranges(table: pd.DataFrame) -> list[tuple[int, int]]:
    return sorted(zip(table["lo"].tolist(), table["hi"].tolist(), strict=True))


def events(run: Run, kind: str) -> pd.DataFrame:
    return run.kernel_events[run.kernel_events["kind"] == kind]


def assert_whole(run: Run) -> None:
    assert [finding for finding in run.meta.reconciliation if not finding.holds] == []
    assert run.meta.complete
    assert run.kernel.lost_events == run.sender.lost_records == 0
    assert run.sender.sink_intact
    assert run.sender.sink_bytes == run.sender.bytes_sent


def assert_each_once(pieces: list[tuple[int, int]], count: int) -> None:
    """The ranges cover 0..count-1 without a hole or an overlap."""
    assert [lo for lo, _ in pieces] == [0, *(hi + 1 for _, hi in pieces[:-1])]
    assert pieces[-1][1] == count - 1


@pytest.mark.parametrize(
    ("count", "send_bytes", "family"),
    [(23, 65536, "ipv4"), (1009, 65536, "ipv4"), (1009, 65536, "ipv6"), (100_003, 4096, "ipv4")],
)
def test_a_prime_number_of_sends_is_counted_by_everybody(
    count: int, send_bytes: int, family: str, probes: ProbeSession, tmp_path: Path
) -> None:
    run = record(tmp_path, probes, scenario="in-order", send_bytes=send_bytes, send_count=count, family=family)
    assert_whole(run)
    assert (run.sender.outcome, run.sender.error) == ("completed", None)
    assert run.sender.writes == run.sender.sends == run.sender.completions == count
    assert run.sender.in_flight_at_end == run.sender.copied_on_purpose == 0
    assert run.sender.sink_bytes == count * send_bytes
    # veth hands the pages to a local receiver, for which the kernel copies them: every send, and no other number
    assert run.kernel.true_copied_completions == count
    # 4 KiB sends can fill optmem even here; the policy waits and sends again
    refused = {"105": run.sender.enobufs_count} if run.sender.enobufs_count else {}
    assert run.meta.send_results == {"0": count, **refused}


def test_the_tables_tell_the_same_story(probes: ProbeSession, tmp_path: Path) -> None:
    run = record(tmp_path, probes, scenario="held-completions", policy="qemu-merged", send_count=2003)
    assert_whole(run)
    reads, pieces = ranges(events(run, "read")), ranges(events(run, "merged"))
    assert_each_once(reads, 2003)
    assert reads == ranges(run.notifications)
    # a notification begins with the completion that was appended, and the pieces merged into it follow it
    starts = [lo for lo, _ in reads]
    homes = [reads[int(np.searchsorted(starts, lo, side="right")) - 1] for lo, _ in pieces]
    assert all(home[0] < piece[0] and piece[1] <= home[1] for home, piece in zip(homes, pieces, strict=True))
    assert all(before[1] < after[0] for before, after in pairwise(pieces))
    assert len(pieces) == run.kernel.merged_notifications > 0
    assert sorted(run.sends["send_id"]) == list(range(2003))
    assert {name: len(getattr(run, name)) for name in run.meta.rows} == run.meta.rows
    used = set(run.kernel_events["stack_id"]) - {-1}
    assert {stack for stack in used if stack >= 0} == set(run.stacks)


def test_many_times_are_in_order(probes: ProbeSession, tmp_path: Path) -> None:
    run = record(tmp_path, probes, scenario="in-order", send_count=1009)
    assert run.sends["start_ns"].is_monotonic_increasing
    assert (run.sends["latency_ns"] > 0).all()
    first, last = run.sends["start_ns"].iloc[0], run.notifications["time_ns"].iloc[-1]
    assert run.kernel_events["time_ns"].between(first, last + 10**9).all()


@pytest.mark.parametrize("scenario", ["in-order", "held-completions"])
def test_plain_sends_have_no_notifications(scenario: str, probes: ProbeSession, tmp_path: Path) -> None:
    run = record(tmp_path, probes, scenario=scenario, send_count=211, zerocopy=False)
    assert_whole(run)
    assert run.sender.writes == 211
    assert run.sender.bytes_sent == 211 * 65536
    assert (run.sender.sends, run.sender.notifications, run.kernel.optmem_peak_bytes) == (0, 0, 0)
    assert len(run.sends) == 211
    assert not run.sends["zerocopy"].any()


@pytest.mark.parametrize("with_probes", [True, False])
def test_without_records_the_counters_are_still_exact(with_probes: bool, probes: ProbeSession, tmp_path: Path) -> None:
    run = record(tmp_path, probes if with_probes else None, scenario="in-order", send_count=1009, record=False)
    assert_whole(run)
    assert run.sender.sends == run.sender.completions == 1009
    assert set(run.meta.rows) == ({"kernel_events"} if with_probes else set())
    assert run.sends.empty
    assert "send_id" in run.sends.columns


def test_without_probes_what_only_they_know_is_unknown(tmp_path: Path) -> None:
    run = record(tmp_path, None, scenario="held-completions", policy="qemu-pre")
    assert_whole(run)
    assert run.sender.enobufs_count == (1 if run.sender.outcome == "dead_enobufs" else 0)
    assert run.kernel.enobufs_causes is None
    assert run.kernel.errqueue_depth_max is None
    assert run.meta.probes == {}
    assert not run.meta.typed_tracepoints
    assert run.kernel_events.empty


# ---- outcomes ----


def full_bytes(run: Run) -> int:
    """optmem when the kernel refuses the next notification: the last one was granted with less than 576 B left."""
    charge, limit = run.kernel.charge_bytes, run.kernel.optmem_max_bytes
    return int(charge * ((limit - SKB_TRUESIZE_ZERO_BYTES) // charge + 1))


def assert_died_of_optmem(run: Run, enobufs_count: int | None = None) -> None:
    assert run.sender.outcome == "dead_enobufs"
    assert set(run.kernel.enobufs_causes) == {"optmem"}
    assert run.kernel.enobufs_causes["optmem"] == run.sender.enobufs_count
    if enobufs_count is not None:
        assert run.sender.enobufs_count == enobufs_count
    assert run.sender.completions == run.sender.sends
    assert run.kernel.optmem_peak_bytes == run.kernel.optmem_baseline_bytes + full_bytes(run)
    assert run.meta.send_results["105"] == run.sender.enobufs_count
    assert_levels_agree(run)


def assert_levels_agree(run: Run) -> None:
    """SO_MEMINFO after an ENOBUFS reads what BPF read before it, unless a completion was uncharged in between."""
    seen = events(run, "enobufs").sort_values("time_ns")
    asked = run.meminfo[run.meminfo["reason"] == "enobufs"].sort_values("time_ns")
    assert len(seen) == len(asked) == run.sender.enobufs_count
    merges = np.sort(events(run, "merged")["time_ns"].to_numpy())
    for event, sample in zip(seen.itertuples(), asked.itertuples(), strict=True):
        assert event.time_ns < sample.time_ns
        assert sample.optmem_bytes <= event.optmem_bytes
        first, last = np.searchsorted(merges, [event.time_ns - UNCHARGE_DELAY_NS, sample.time_ns])
        if first == last:
            assert sample.optmem_bytes == event.optmem_bytes


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_in_flight_kills_those_who_cannot_wait(family: str, probes: ProbeSession, tmp_path: Path) -> None:
    pre = record(tmp_path, probes, scenario="in-flight", policy="qemu-pre", family=family)
    shipped = record(tmp_path, probes, scenario="in-flight", policy="qemu-shipped", family=family)
    merged = record(tmp_path, probes, scenario="in-flight", policy="qemu-merged", family=family, send_count=1009)
    for run in (pre, shipped, merged):
        assert_whole(run)
        assert run.kernel.optmem_max_bytes == 20480
        assert run.kernel.enobufs_unread_share < 0.5
    assert_died_of_optmem(pre, enobufs_count=1)
    assert (pre.sender.stall_count, pre.sender.stall_ns_total) == (0, 0)
    assert_died_of_optmem(shipped)
    # the write that killed it had been refused twice, the stall between them read what there was
    assert shipped.sender.enobufs_count == shipped.sender.stall_count + 1
    assert merged.sender.outcome == "completed"
    assert merged.sender.sends == 1009
    assert merged.sender.stall_count == merged.sender.enobufs_count > 0


def test_held_completions_kill_those_who_do_not_read(probes: ProbeSession, tmp_path: Path) -> None:
    runs = [
        record(tmp_path, probes, scenario="held-completions", policy="qemu-pre")
        for _ in range(DECIDED_BY_CHANCE_REPEATS)
    ]
    for run in runs:
        assert_whole(run)
    dead = [run for run in runs if run.sender.outcome == "dead_enobufs"]
    assert len(dead) >= DECIDED_BY_CHANCE_REPEATS - 1
    for run in dead:
        assert_died_of_optmem(run, enobufs_count=1)
    assert statistics.median(run.kernel.enobufs_unread_share for run in dead) > 0.5
    assert max(run.kernel.errqueue_depth_max for run in dead) > 50


def test_held_completions_are_survived_by_waiting(probes: ProbeSession, tmp_path: Path) -> None:
    run = record(tmp_path, probes, scenario="held-completions", policy="qemu-merged", send_count=10_007)
    assert_whole(run)
    assert (run.sender.outcome, run.sender.sends) == ("completed", 10_007)
    assert run.kernel.true_copied_completions == 10_007


@pytest.mark.parametrize("policy", ["qemu-pre", "qemu-merged"])
def test_memlock_is_told_from_optmem(policy: str, probes: ProbeSession, tmp_path: Path) -> None:
    run = record(tmp_path, probes, scenario="memlock", policy=policy, send_count=2003)
    assert_whole(run)
    assert run.sender.enobufs_count > 0
    causes = run.kernel.enobufs_causes
    assert set(causes) <= {"memlock_new", "memlock_extended"}
    assert sum(causes.values()) == run.sender.enobufs_count
    assert run.kernel.enobufs_unread_share is None
    # a granted notification is taken back for each refusal of a new one; an extension of the tail's has none
    assert len(events(run, "refused")) == causes.get("memlock_new", 0)
    assert run.kernel.true_copied_completions == run.sender.completions == run.sender.sends
    assert run.sender.outcome == ("completed" if policy == "qemu-merged" else "dead_enobufs")


def test_the_smallest_optmem_holds_one_notification(probes: ProbeSession, tmp_path: Path) -> None:
    """Each but the first is refused once. Sends that join the newest one, while TCP has not sent its data yet, charge
    nothing."""
    run = record(tmp_path, probes, scenario="in-order", send_count=101, optmem_max_bytes=576)
    assert_whole(run)
    count = run.sender.notifications
    assert 50 < count <= 101
    assert (run.sender.outcome, run.sender.enobufs_count) == ("completed", count - 1)
    assert run.kernel.optmem_peak_bytes == run.kernel.charge_bytes == full_bytes(run)
    assert run.kernel.errqueue_depth_max == 1


@pytest.mark.parametrize("send_bytes", [1, 65537, 300_001, 8 << 20])
def test_sends_of_any_length_arrive_intact(send_bytes: int, probes: ProbeSession, tmp_path: Path) -> None:
    run = record(tmp_path, probes, scenario="in-order", send_bytes=send_bytes, send_count=23)
    assert_whole(run)
    assert run.sender.sink_bytes == 23 * send_bytes


@pytest.mark.parametrize(("send_bytes", "count"), [(4096, 1_000_003), (65536, 50_021)])
def test_a_deadline_ends_a_run_that_makes_progress(
    send_bytes: int, count: int, probes: ProbeSession, tmp_path: Path
) -> None:
    """A large send that a signal interrupts is a short one, without an error to notice."""
    run = record(tmp_path, probes, scenario="in-order", send_bytes=send_bytes, send_count=count, deadline_s=0.2)
    assert_whole(run)
    assert run.sender.outcome == "dead_timeout"
    assert run.sender.writes < count
    assert 0.2e9 <= run.sender.duration_ns < 0.8e9


def test_a_duration_beyond_the_deadline_is_no_hang(tmp_path: Path) -> None:
    benchmark = benchmark_of(RunConfig(scenario="in-order", duration_s=31.0))
    assert benchmark.config.limit_s > 31.0


def test_the_folder_belongs_to_who_called_sudo(
    probes: ProbeSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_UID", "65534")
    monkeypatch.setenv("SUDO_GID", "65533")
    parent = tmp_path / "made" / "for the run"
    run = record(parent, probes, scenario="in-order", send_count=23)
    owned = [parent.parent, parent, run.folder, *run.folder.iterdir()]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in owned} == {(65534, 65533)}


def test_a_refused_run_says_which_probes_the_kernel_skipped(tmp_path: Path) -> None:
    """Staged: whether the kernel skips one is not ours to say."""
    run = record_run(benchmark_of(RunConfig(scenario="in-order", send_count=23)), tmp_path, None, Interruption())
    check_complete(run.metadata, run.folder)
    differing = msgspec.structs.replace(
        run.metadata,
        complete=False,
        reconciliation=[Finding(what="merges", expected=23, found=22, holds=False)],
    )
    with pytest.raises(ReconciliationError, match="expected 23, found 22") as refusal:
        check_complete(differing, run.folder)
    assert "skipped" not in str(refusal.value)
    assert "report it" in refusal.value.hint
    # the meaning of a count depends only on its kind
    words = Finding(what="packets lost on the way", expected=23, found=22, holds=False)
    lost = Finding(what="events", expected=0, found=1, holds=False, kind="lost")
    with pytest.raises(ReconciliationError, match="lost on the way"):
        check_complete(msgspec.structs.replace(differing, reconciliation=[words]), run.folder)
    with pytest.raises(DataLossError, match="events: expected 0, found 1"):
        check_complete(msgspec.structs.replace(differing, reconciliation=[words, lost]), run.folder)
    skipped = msgspec.structs.replace(differing, missed_runs={"on_sock_ofree": 1})
    with pytest.raises(
        ReconciliationError, match=r"; the kernel skipped runs of probes \(on_sock_ofree: 1\)$"
    ) as refusal:
        check_complete(skipped, run.folder)
    assert "run again" in refusal.value.hint


def test_a_signal_waits_until_its_keeper_knows_the_run(tmp_path: Path) -> None:
    known: list[Path] = []

    def keep(done: CompletedRun) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        known.append(done.folder)

    benchmark = benchmark_of(RunConfig(scenario="in-order", policy="qemu-merged", send_count=23))
    with pytest.raises(KeyboardInterrupt):
        record_run(benchmark, tmp_path, None, Interruption(), on_kept=keep)
    assert known == list(tmp_path.iterdir())
