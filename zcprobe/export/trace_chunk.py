"""The parts that trace events of every kind are made with."""

from collections.abc import Iterable
from typing import Any

__all__ = ["RUN_THREAD", "THREAD_KINDS", "Chunk", "Event", "thread_id"]

Event = dict[str, Any]

RUN_THREAD = 0
THREAD_KINDS = ("sends", "flushes", "rounds", "requests")


def thread_id(channel: int, kind: str) -> int:
    """`kind` is one of THREAD_KINDS; a channel's threads stand beside each other."""
    return 1 + channel * len(THREAD_KINDS) + THREAD_KINDS.index(kind)


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
