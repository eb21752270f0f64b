# SPDX-License-Identifier: GPL-2.0-only
"""States that a test makes up, and what a screen shows of them."""

from typing import Any

from zcprobe.format.attachment import SocketSummary
from zcprobe.live.app import LiveApp
from zcprobe.live.log import Log
from zcprobe.live.state import Levels, Row, State

LIMIT = 131072


def row(number: int, *, depth: int = 0, used: float = 0.0, rate: float = 0.0, **summary: Any) -> Row:
    level = int(used * LIMIT)
    cells = {
        "PID": "4194304",
        "FD": str(100 - number),
        "REMOTE": f"10.100.200.{number}:49152",
        "LOCAL": "10.100.200.250:49152",
        "STATE": "ESTAB",
        "SENDS/S": f"{rate:.0f}",
        "MBIT/S": "100000",
        "FLIGHT": "12",
        "UNREAD": str(depth),
        "OPTMEM": str(level),
        "LIMIT": str(LIMIT),
        "USED": f"{used:.0%}",
    }
    levels = Levels((*range(30), depth), (*range(0, 30 * 832, 832), level))
    made = SocketSummary(protocol="tcp", number=number, **summary) if summary else None
    return Row(
        number=number,
        cells=cells,
        fullness=used,
        depth=depth,
        sends_per_s=rate,
        limit_bytes=LIMIT,
        levels=levels,
        summary=made,
    )


class MadeUp:
    """A source whose state a test sets. `looks`: how often the screen has asked whether it is over."""

    def __init__(self, *rows: Row) -> None:
        self.log = Log()
        self.looks = 0
        self._is_over = False
        self.saving = ""
        self.saves = self.ends = 0
        self.serial = 0
        self.newest: State | None = None
        if rows:
            self.show(*rows)

    def show(self, *rows: Row, findings: tuple[str, ...] = ("limit-too-small", "unread-out-of-order")) -> None:
        self.serial += 1
        self.newest = State(
            serial=self.serial,
            duration_ns=3_725_000_000_000,
            processes=("4194304 (qemu-system-x86)", "4194303 (qemu-system-x86)"),
            rows=rows,
            findings=findings,
            other_count=17,
        )

    @property
    def is_over(self) -> bool:
        self.looks += 1
        return self._is_over

    @is_over.setter
    def is_over(self, value: bool) -> None:
        self._is_over = value

    def save(self) -> None:
        self.saves += 1
        self.saving = "saving ..."

    def end(self) -> None:
        self.ends += 1


def text_of(app: LiveApp) -> list[str]:
    """The lines of the screen, as wide as it is."""
    return [strip.text for strip in app.screen._compositor.render_strips()]
