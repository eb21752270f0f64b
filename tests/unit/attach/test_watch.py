# SPDX-License-Identifier: GPL-2.0-only
"""When the loop looks, and when it ends, with processes that a test makes up."""

import os
import signal
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from zcprobe.attach.watch import watch
from zcprobe.interrupt import Interruption, deferred_interrupt


class _Selection:
    may_grow = False
    children = False


class _Processes:
    selection = _Selection()
    count = 1

    def __bool__(self) -> bool:
        return bool(self.count)

    def find_new(self) -> None: ...

    def follow_names(self) -> None: ...


@pytest.fixture
def exact_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock of the loop that only its waiting moves, however busy this machine is."""
    now_s = 0.0

    def wait_until(_alarm: object, moment_s: float) -> None:
        nonlocal now_s
        now_s = max(now_s, moment_s)

    monkeypatch.setattr("zcprobe.attach.watch._Alarm.wait_until", wait_until)
    monkeypatch.setattr("zcprobe.attach.watch.time", SimpleNamespace(monotonic=lambda: now_s))


class _Sampler:
    """Notes of each look whether it was at all sockets."""

    def __init__(self, look_ns: int = 0) -> None:
        self.look_ns = look_ns
        self.processes = _Processes()
        self.looks: list[bool] = []
        self.intervals = 0

    def look(self, *, every: bool) -> None:
        self.looks.append(every)

    def end_interval(self) -> list[Any]:
        self.intervals += 1
        return []


def watched(sampler: _Sampler, interruption: Interruption | None = None, **options: Any) -> float:
    began_s = time.monotonic()
    watch(sampler, interruption or Interruption(), lambda samples: None, **options)  # type: ignore[arg-type]
    return time.monotonic() - began_s


def test_each_interval_ends_with_a_look() -> None:
    sampler = _Sampler()
    assert watched(sampler, interval_s=0.25, count=2) >= 0.5
    assert sampler.intervals == 2
    assert len(sampler.looks) >= 3


@pytest.mark.usefixtures("exact_clock")
def test_all_sockets_are_looked_at_once_a_second_at_most() -> None:
    sampler = _Sampler()
    watched(sampler, interval_s=2.5, count=1)
    assert sampler.looks.count(True) == 3
    assert sampler.looks[0]


@pytest.mark.usefixtures("exact_clock")
def test_looks_that_take_long_are_made_less_often() -> None:
    """A look takes at most a fiftieth of the time: 4 ms each fifth of a second."""
    sampler = _Sampler(look_ns=4_000_000)
    watched(sampler, interval_s=1.1, count=1)
    assert len(sampler.looks) == 7  # at 0, 0.2 ... 1.0 s, and at the end


def test_it_ends_when_no_process_is_left() -> None:
    sampler = _Sampler()
    sampler.processes.count = 0
    assert watched(sampler, interval_s=60) < 5
    assert sampler.intervals == 1


def test_it_waits_for_processes_that_can_still_come(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = _Sampler()
    sampler.processes.count = 0
    monkeypatch.setattr(_Selection, "may_grow", True)
    assert watched(sampler, interval_s=0.2, count=2) >= 0.4


def test_a_signal_ends_it_at_once_and_the_interval_is_told() -> None:
    sampler = _Sampler()
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    with deferred_interrupt() as interruption:
        timer.start()
        assert watched(sampler, interruption, interval_s=60) < 5
    assert interruption.signal_number == signal.SIGINT
    assert sampler.intervals == 1
