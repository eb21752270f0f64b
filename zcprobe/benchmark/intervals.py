# SPDX-License-Identifier: GPL-2.0-only
"""What a run did in each interval, read while the C loops count."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from zcprobe.native.counters import make_counters, map_counters

__all__ = ["Interval", "IntervalCounts", "IntervalReader", "Intervals", "interval_reader"]

_LOOK_FOR_START_S = 0.002
_SHORTEST_SHARE = 0.1
"""Of an interval. A run that is about to end has no shorter one for its rest."""


class IntervalCounts(msgspec.Struct, frozen=True, kw_only=True):
    """`bytes_sent`: those that sockets took, headers included; `sent_bps`: the same in bits per second. `sends`,
    `plain_sends`: with and without MSG_ZEROCOPY. `notifications` were read, and covered `completions`. `in_flight`: at
    the end of the interval. `stall_ns`: how long writes waited inside their policy, those included that still wait."""

    bytes_sent: int
    sent_bps: float
    sends: int
    plain_sends: int
    enobufs_count: int
    notifications: int
    completions: int
    in_flight: int
    stall_ns: int


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """From `start_ns` to `end_ns` since the first channel began. The last interval of a run ends when the outcome is
    known, and also has what was read afterwards, while the sender settled: all intervals add up to the run."""

    start_ns: int
    end_ns: int
    sum: IntervalCounts
    channels: list[IntervalCounts]


class Intervals(msgspec.Struct, frozen=True):
    """A wish for intervals of `interval_s`, and what to call with each. It is called in a thread of its own, for the
    last one in the caller's, and must not raise."""

    interval_s: float
    on_interval: Callable[[Interval], None]


class _Totals(msgspec.Struct, frozen=True):
    """Since the beginning, of one channel."""

    bytes_sent: int = 0
    sends: int = 0
    plain_sends: int = 0
    enobufs_count: int = 0
    notifications: int = 0
    completions: int = 0
    stall_ns: int = 0

    def __add__(self, other: "_Totals") -> "_Totals":
        return _Totals(*(a + b for a, b in zip(*map(msgspec.structs.astuple, (self, other)), strict=True)))


def _read(result: Any, now_ns: int) -> _Totals:
    """The totals of a channel that may be counting, where `now_ns` is not later than the call. What can only follow
    something else is read before that: so no more completions are seen than sends, and no stall twice."""
    stall_ns, since_ns = result.stall_ns, result.stalled_since_ns
    stall_ns += max(0, now_ns - since_ns) if since_ns else 0
    completions, notifications = result.completion_count, result.notification_count
    return _Totals(
        bytes_sent=result.bytes_sent,
        sends=result.send_count,
        plain_sends=result.plain_count,
        enobufs_count=result.enobufs_count,
        notifications=notifications,
        completions=completions,
        stall_ns=stall_ns,
    )


def _counts(before: _Totals, after: _Totals, duration_ns: int) -> IntervalCounts:
    done = {name: getattr(after, name) - getattr(before, name) for name in _Totals.__struct_fields__}
    sent_bps = done["bytes_sent"] * 8e9 / duration_ns if duration_ns else 0.0
    return IntervalCounts(sent_bps=sent_bps, in_flight=after.sends - after.completions, **done)


class IntervalReader:
    """`counters_fd`: the memory to hand to the sender. `duration_s`: how long the run sends, if that is known."""

    def __init__(self, intervals: Intervals, channels: int, duration_s: float | None) -> None:
        self.counters_fd = make_counters(channels)
        self._results = map_counters(self.counters_fd, channels)
        self._intervals = intervals
        self._duration_s = duration_s
        self._has_ended = threading.Event()
        self._before = [_Totals()] * channels
        self._began_ns = self._end_ns = 0

    def close(self) -> None:
        os.close(self.counters_fd)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Tells each interval of a run that begins and ends in this context; the last one only without an exception."""
        thread = threading.Thread(target=self._tell_until_ended, name="intervals", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._has_ended.set()
            thread.join()
        self._tell_last()

    def _tell_until_ended(self) -> None:
        while not self._find_start():
            if self._has_ended.wait(_LOOK_FOR_START_S):
                return
        number = 1
        while not self._has_ended.wait((self._due_ns(number) - time.monotonic_ns()) / 1e9):
            if all(result.end_ns for result in self._results):
                return
            now_ns = time.monotonic_ns()
            self._tell(now_ns, [_read(result, now_ns) for result in self._results])
            # after a standstill of this process, one interval covers all of it
            number = max(number, (now_ns - self._began_ns) // self._length_ns) + 1

    def _find_start(self) -> bool:
        started_ns = [result.start_ns for result in self._results if result.start_ns]
        self._began_ns = self._end_ns = min(started_ns, default=0)
        return bool(started_ns)

    @property
    def _length_ns(self) -> int:
        return int(self._intervals.interval_s * 1e9)

    def _due_ns(self, number: int) -> int:
        """When an interval is over. One that ends as the run should is given some time, so that it is the last one."""
        due_ns = number * self._length_ns
        spare_ns = int(_SHORTEST_SHARE * self._length_ns)
        if self._duration_s is not None and abs(due_ns - self._duration_s * 1e9) < spare_ns:
            due_ns += spare_ns
        return self._began_ns + due_ns

    def _tell_last(self) -> None:
        if self._began_ns or self._find_start():
            end_ns = max(result.end_ns for result in self._results)
            self._tell(max(end_ns, self._end_ns), [_read(result, end_ns) for result in self._results], is_last=True)

    def _tell(self, end_ns: int, totals: list[_Totals], *, is_last: bool = False) -> None:
        if not is_last:  # a stall that has ended is in no counter until its write ends
            totals = [
                msgspec.structs.replace(after, stall_ns=max(before.stall_ns, after.stall_ns))
                for before, after in zip(self._before, totals, strict=True)
            ]
        duration_ns = end_ns - self._end_ns
        self._intervals.on_interval(
            Interval(
                start_ns=self._end_ns - self._began_ns,
                end_ns=end_ns - self._began_ns,
                sum=_counts(sum(self._before, _Totals()), sum(totals, _Totals()), duration_ns),
                channels=[_counts(*pair, duration_ns) for pair in zip(self._before, totals, strict=True)],
            )
        )
        self._before, self._end_ns = totals, end_ns


@contextmanager
def interval_reader(
    intervals: Intervals | None, channels: int, duration_s: float | None
) -> Iterator[IntervalReader | None]:
    """None without a wish for intervals."""
    if intervals is None:
        yield None
        return
    reader = IntervalReader(intervals, channels, duration_s)
    try:
        yield reader
    finally:
        reader.close()
