# SPDX-License-Identifier: GPL-2.0-only
"""The parts that trace events of every kind are made with."""

from collections.abc import Iterable
from typing import Any

__all__ = ["THREAD_KINDS", "Chunk", "Event", "process_id", "thread_id"]

Event = dict[str, Any]

THREAD_KINDS = ("sends", "flushes", "stalls", "rounds", "requests")

_PROCESS_STEP = 1000
"""Room for the threads of 64 channels. Viewers hold that a thread's number is of one process only, as Linux has it, and
that a process's first thread has the number of the process."""


def process_id(index: int) -> int:
    """Of the run at `index`, which is the number of its thread `run` too."""
    return (index + 1) * _PROCESS_STEP


def thread_id(pid: int, channel: int, kind: str) -> int:
    """`kind` is one of THREAD_KINDS; a channel's threads stand beside each other."""
    return pid + 1 + channel * len(THREAD_KINDS) + THREAD_KINDS.index(kind)


class Chunk:
    """A record batch of the run that is process `pid`, its columns as lists."""

    def __init__(self, batch: Any, pid: int, origin_ns: int) -> None:
        self._batch = batch
        self.pid = pid
        self._origin_ns = origin_ns

    def time_us(self, name: str) -> list[float]:
        """A column in ns of CLOCK_MONOTONIC as µs since the run's origin."""
        values: list[float] = ((self._batch.column(name).to_numpy() - self._origin_ns) / 1e3).tolist()
        return values

    def length_us(self, name: str) -> list[float]:
        values: list[float] = (self._batch.column(name).to_numpy() / 1e3).tolist()
        return values

    def rows(self, *names: str) -> Iterable[tuple[Any, ...]]:
        columns = (self._batch.column(name).to_numpy(zero_copy_only=False).tolist() for name in names)
        return zip(*columns, strict=True)
