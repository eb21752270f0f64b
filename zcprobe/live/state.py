# SPDX-License-Identifier: GPL-2.0-only
"""What the screen shows: made anew at the end of each interval, and never changed."""

from typing import Protocol

import msgspec

from zcprobe.format.attachment import SocketSummary
from zcprobe.live.log import Log

__all__ = ["Levels", "Row", "Source", "State"]


class Levels(msgspec.Struct, frozen=True):
    """The highest levels of one socket in each of the last intervals, the newest last: notifications on the error
    queue, and bytes of optmem."""

    depths: tuple[int, ...] = ()
    optmem_bytes: tuple[int, ...] = ()


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One socket. `cells`: column -> text (zcprobe.attach.columns), and besides `USED`, the share of the limit.
    `fullness`: that share as a number. `summary`: what was seen of it since the beginning."""

    number: int
    cells: dict[str, str]
    fullness: float
    depth: int
    sends_per_s: float
    limit_bytes: int | None
    levels: Levels
    summary: SocketSummary | None = None


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at the end of an interval. `serial` counts intervals. `processes`: those that are watched.
    `findings`: ids of the diagnosis until now. `other_count`: sockets without zerocopy."""

    serial: int
    duration_ns: int
    processes: tuple[str, ...]
    rows: tuple[Row, ...]
    findings: tuple[str, ...]
    other_count: int


class Source(Protocol):
    """What the screen asks, and it never waits for an answer. `newest`: the last state, None before the first one.
    `is_over`: the watching has ended. `saving`: what the last `save` has come to, in a few words, or empty."""

    @property
    def newest(self) -> State | None: ...

    @property
    def log(self) -> Log: ...

    @property
    def is_over(self) -> bool: ...

    @property
    def saving(self) -> str: ...

    def save(self) -> None:
        """Keeps what was seen until now as a run folder, in a thread of its own."""

    def end(self) -> None:
        """Ends the watching soon."""
