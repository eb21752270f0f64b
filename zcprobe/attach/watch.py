# SPDX-License-Identifier: GPL-2.0-only
"""The loop of an attachment: it looks ten times a second, and tells at the end of each interval what it saw."""

import os
import select
import time
from collections.abc import Callable

from zcprobe.attach.sampler import Sample, Sampler
from zcprobe.interrupt import Interruption

__all__ = ["LOOK_S", "watch"]

LOOK_S = 0.1
"""Time between two looks at sockets with zerocopy, at least."""

_LOOK_SHARE = 0.02
"""Share of the time, at most, that these looks take: one look at 10,000 descriptors takes about 10 ms."""

_EVERY_S = 1.0
"""Time, at least, between two looks at all sockets, and between two searches of /proc or of a control group."""
_EVERY_SHARE = 0.01
"""Share of the time, at most, that looks at all sockets take, however many descriptors there are."""


class _Pace:
    """When looks at all sockets are due. `on_look` is called after each look."""

    def __init__(self, on_look: Callable[[], object] | None) -> None:
        self._due_s = 0.0
        self._on_look = on_look

    def look(self, sampler: Sampler) -> None:
        began_s = time.monotonic()
        every = began_s >= self._due_s
        if every:
            sampler.processes.find_new()
        elif sampler.processes.selection.children:
            sampler.processes.find_new_children()
        sampler.look(every=every)
        if every:
            now_s = time.monotonic()
            self._due_s = began_s + max(_EVERY_S, (now_s - began_s) / _EVERY_SHARE)
        if self._on_look:
            self._on_look()


class _Alarm:
    """Waits until a moment, or until a signal asks for the end."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ring(self) -> None:
        os.write(self._write, b"!")

    def wait_until(self, moment_s: float) -> None:
        poller = select.poll()  # select() knows no descriptor above 1023
        poller.register(self._read, select.POLLIN)
        poller.poll(max(0.0, moment_s - time.monotonic()) * 1000)

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


def watch(
    sampler: Sampler,
    interruption: Interruption,
    on_interval: Callable[[list[Sample]], None],
    *,
    interval_s: float = 1.0,
    count: int | None = None,
    on_look: Callable[[], object] | None = None,
) -> None:
    """Watches for `count` intervals, or until somebody asks for the end, or until no process is left and none can join.

    `on_interval` gets the samples of each interval. `on_look` is called after each look.
    """
    alarm, pace = _Alarm(), _Pace(on_look)
    try:
        with interruption.forwarded_to(alarm.ring):
            pace.look(sampler)
            _watch(sampler, interruption, on_interval, alarm, pace, interval_s, count)
    finally:
        alarm.close()


def _watch(
    sampler: Sampler,
    interruption: Interruption,
    on_interval: Callable[[list[Sample]], None],
    alarm: _Alarm,
    pace: _Pace,
    interval_s: float,
    count: int | None,
) -> None:
    ended, next_look_s = 0, time.monotonic()
    end_s = next_look_s + interval_s
    while ended != count:
        wait_s = max(LOOK_S, sampler.look_ns / 1e9 / _LOOK_SHARE)
        next_look_s = min(max(next_look_s + wait_s, time.monotonic()), end_s)
        alarm.wait_until(next_look_s)
        pace.look(sampler)
        is_over = bool(interruption.signal_number) or not (sampler.processes or sampler.processes.selection.may_grow)
        if time.monotonic() >= end_s or is_over:
            sampler.processes.follow_names()
            on_interval(sampler.end_interval())
            ended += 1
            end_s = max(end_s + interval_s, time.monotonic())
        if is_over:
            return
