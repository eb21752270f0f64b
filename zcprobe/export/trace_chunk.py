# SPDX-License-Identifier: GPL-2.0-only
"""What trace events of every kind are made with: numbers of processes and threads, and chunks of a table."""

from collections.abc import Iterable
from typing import Any

__all__ = ["THREAD_KINDS", "Chunk", "Event", "process_id", "thread_id"]

Event = dict[str, Any]

THREAD_KINDS = ("sends", "flushes", "stalls", "rounds", "requests")

_PROCESS_STEP = 1000
"""The distance between two processes' numbers, which leaves room for the threads of 64 channels. Viewers assume, as on
Linux, that a thread's number belongs to one process, and that a process's first thread has the number of the
process."""


def process_id(index: int) -> int:
    """The process number of the run at `index`, which is also the number of the thread that shows the whole run."""
    return (index + 1) * _PROCESS_STEP


def thread_id(pid: int, channel: int, kind: str) -> int:
    """The number of a channel's thread for `kind`, which is one of THREAD_KINDS. A channel's threads are adjacent."""
    return pid + 1 + channel * len(THREAD_KINDS) + THREAD_KINDS.index(kind)


class Chunk:
    """A record batch of the run that is process `pid`. The methods return its columns as lists."""

    def __init__(self, batch: Any, pid: int, origin_ns: int) -> None:
        self._batch = batch
        self.pid = pid
        self._origin_ns = origin_ns

    def time_us(self, name: str) -> list[float]:
        """The column `name`, which is in ns of CLOCK_MONOTONIC, in µs since the run's origin."""
        values: list[float] = ((self._batch.column(name).to_numpy() - self._origin_ns) / 1e3).tolist()
        return values

    def length_us(self, name: str) -> list[float]:
        values: list[float] = (self._batch.column(name).to_numpy() / 1e3).tolist()
        return values

    def rows(self, *names: str) -> Iterable[tuple[Any, ...]]:
        columns = (self._batch.column(name).to_numpy(zero_copy_only=False).tolist() for name in names)
        return zip(*columns, strict=True)
