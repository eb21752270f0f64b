# SPDX-License-Identifier: GPL-2.0-only
"""Several connections in one run."""

import os
from collections.abc import Callable

import pytest

from zcprobe.dataset.load import Run
from zcprobe.workloads import Traffic

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root"),
    pytest.mark.usefixtures("nothing_left"),
]

Measure = Callable[..., Run]

SUMMED = ("writes", "sends", "completions", "notifications", "copied_completions", "bytes_sent", "sink_bytes")


@pytest.mark.parametrize(("channels", "count"), [(1, 1009), (8, 211), (64, 23)])
def test_every_channel_is_counted_on_its_own(channels: int, count: int, measure: Measure) -> None:
    run = measure(scenario="in-order", channels=channels, send_count=count, send_bytes=16384)
    each = run.meta.channels
    assert (run.sender.outcome, run.sender.sink_intact) == ("completed", True)
    assert [one.sends for one in each] == [one.completions for one in each] == [count] * channels
    for name in SUMMED:
        assert sum(getattr(one, name) for one in each) == getattr(run.sender, name)
    assert run.sender.duration_ns == max(one.end_ns for one in each) - min(one.start_ns for one in each)

    for table in (run.sends, run.notifications, run.flushes, run.meminfo):
        assert set(table["channel"]) == set(range(channels))
    for _, sends in run.sends.groupby("channel"):
        assert sorted(sends["send_id"][sends["send_id"] >= 0]) == list(range(count))

    cookies = run.meta.cookies
    assert len(set(cookies)) == channels
    assert set(run.kernel_events["cookie"]) == set(cookies)
    reads = run.kernel_events[run.kernel_events["kind"] == "read"]
    sent = (reads["hi"] - reads["lo"] + 1).groupby(reads["cookie"]).sum()
    assert sent.to_dict() == dict.fromkeys(cookies, count)
    assert run.meta.send_results["0"] == channels * count


def test_the_worst_channel_names_the_outcome(measure: Measure) -> None:
    """Each channel has its own optmem, so each dies separately; statements about one channel must hold for it."""
    run = measure(scenario="in-flight", policy="qemu-pre", channels=3)
    outcomes = [one.outcome for one in run.meta.channels]
    assert run.sender.outcome == "dead_enobufs" in outcomes
    assert sum(run.kernel.enobufs_causes.values()) == run.sender.enobufs_count == outcomes.count("dead_enobufs")


def test_a_migration_ends_for_all_when_it_ends_for_one(measure: Measure) -> None:
    traffic = Traffic(model="migration", guest_bytes=128 << 20, dirty_bytes_per_s=1 << 40, downtime_ms=0)
    run = measure(scenario="slow-reader", policy="qemu-pre", channels=2, traffic=traffic)
    outcomes = {one.outcome for one in run.meta.channels}
    assert run.sender.outcome == "dead_enobufs"
    assert outcomes <= {"dead_enobufs", "interrupted"}


def test_all_channels_of_a_migration_end_in_the_same_round(measure: Measure) -> None:
    """Runs at a pace where each channel alone might or might not find that the rest fits; six times, because it is
    chance."""
    traffic = Traffic(model="migration", guest_bytes=64 << 20, dirty_bytes_per_s=600 << 20, downtime_ms=5)
    for _ in range(6):
        each = measure(scenario="in-order", channels=4, traffic=traffic).meta.channels
        assert {one.outcome for one in each} == {"completed"}
        assert len({(one.rounds, one.converged) for one in each}) == 1
