# SPDX-License-Identifier: GPL-2.0-only
"""Intervals of counters that a thread here counts as a sender would."""

import mmap
import time

import pytest

from zcprobe.benchmark.intervals import Interval, IntervalReader, Intervals
from zcprobe.cli.interval_rows import IntervalRows
from zcprobe.native import ffi
from zcprobe.native.counters import make_counters, map_counters

NS = 10**9


def reader_of(told: list[Interval], channels: int = 1, duration_s: float | None = None) -> IntervalReader:
    return IntervalReader(Intervals(0.1, told.append), channels, duration_s)


def test_a_stall_under_way_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[Interval] = []
    reader = reader_of(told)
    shared = map_counters(reader.counters_fd, 1)
    counts = shared[0]
    with reader.reading():
        counts.start_ns = time.monotonic_ns()
        counts.stalled_since_ns = counts.start_ns
        time.sleep(0.35)
        counts.stalled_since_ns = 0
        counts.stall_ns = time.monotonic_ns() - counts.start_ns
        time.sleep(0.25)
        counts.send_count, counts.completion_count = 1009, 1000
        counts.end_ns = time.monotonic_ns()
    reader.close()
    assert len(told) >= 5
    assert all(one.sum.stall_ns > 0 for one in told[:3])
    assert told[-1].sum.stall_ns == 0
    assert sum(one.sum.stall_ns for one in told) == counts.stall_ns
    assert (told[-1].sum.sends, told[-1].sum.in_flight) == (1009, 9)
    assert capsys.readouterr().err == ""


def test_the_last_interval_of_a_timed_run_is_a_whole_one() -> None:
    told: list[Interval] = []
    reader = reader_of(told, duration_s=0.3)
    shared = map_counters(reader.counters_fd, 1)
    counts = shared[0]
    with reader.reading():
        counts.start_ns = time.monotonic_ns()
        time.sleep(0.3)
        counts.end_ns = time.monotonic_ns()
    reader.close()
    assert [round(one.end_ns / NS, 1) for one in told] == [0.1, 0.2, 0.3]


def test_a_run_that_never_began_has_no_interval() -> None:
    told: list[Interval] = []
    reader = reader_of(told, channels=2)
    with reader.reading():
        pass
    reader.close()
    assert told == []


def test_nobody_can_shorten_the_memory_that_both_read() -> None:
    fd = make_counters(3)
    with open(fd, "r+b") as file, pytest.raises(PermissionError):
        file.truncate(0)


def test_the_memory_is_as_long_as_the_results() -> None:
    fd = make_counters(64)
    assert len(map_counters(fd, 64)) == 64
    with pytest.raises((ValueError, OSError)):
        mmap.mmap(fd, 65 * ffi.sizeof("struct zc_result"))


@pytest.mark.parametrize("zerocopy", [True, False])
def test_rows_fit_on_a_terminal(capsys: pytest.CaptureFixture[str], *, zerocopy: bool) -> None:
    told: list[Interval] = []
    reader = reader_of(told, channels=64)
    counts = map_counters(reader.counters_fd, 64)
    with reader.reading():
        for one in counts:
            one.start_ns, one.end_ns = NS, 3600 * NS
            one.bytes_sent = 1009 << 30
            one.send_count = one.plain_count = 99_999
            one.completion_count = one.notification_count = one.enobufs_count = 99_991
            one.stall_ns = 999 * NS
    reader.close()
    rows = IntervalRows(zerocopy=zerocopy)
    for interval in told:
        rows(interval)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 66
    assert max(map(len, printed)) < 80
    assert ("Sends" if zerocopy else "Plain") in printed[0].split()
    assert printed[-1].split()[-6:-3] == [str(64 * 99_999), str(64 * 99_991), str(64 * 99_991)]
