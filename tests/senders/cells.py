# SPDX-License-Identifier: GPL-2.0-only
"""The cells of the table in docs/qemu.md: QEMU versions and limits of optmem, and how a migration ends there."""

import msgspec

from tests.senders.versions import Version, find_version

__all__ = ["CELLS", "LIMITS_BYTES", "REFUSED", "ROUNDS", "Cell", "Round", "rounds_of"]

LIMITS_BYTES = (20480, 65536, 131072)
"""The kernel's default until 6.7, half of today's, and today's."""

REFUSED = "Process can't lock enough memory for using MSG_ZEROCOPY"
"""What QEMU says when it gives up after ENOBUFS."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """`survives`: whether the migration completes; None where that depends on how fast the machine happens to be.
    `downtime_ms` is how long the guest may stand still at its end."""

    version: Version
    optmem_bytes: int
    survives: bool | None
    downtime_ms: int

    def __str__(self) -> str:
        return f"{self.version.name}-{self.optmem_bytes}"


def _cell(name: str, optmem_bytes: int, *, survives: bool | None = False, downtime_ms: int = 100) -> Cell:
    return Cell(version=find_version(name), optmem_bytes=optmem_bytes, survives=survives, downtime_ms=downtime_ms)


CELLS: tuple[Cell, ...] = (
    _cell("7.2", 20480),
    # It sends hardly faster than its guest writes, so with a short downtime it would take a minute.
    _cell("7.2", 131072, survives=None, downtime_ms=5000),
    _cell("10.0", 20480),
    _cell("10.0", 65536),
    _cell("10.0", 131072),
    _cell("11.1", 20480),
    # the model ends either way there, too
    _cell("11.1", 65536, survives=None),
    _cell("11.1", 131072, survives=True),
)


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One of the migrations of a cell."""

    cell: Cell
    number: int

    def __str__(self) -> str:
        return f"{self.cell}-{self.number}"


def rounds_of(cell: Cell) -> list[Round]:
    """Two migrations where one tells how the other must end, else one."""
    return [Round(cell=cell, number=number) for number in range(1 if cell.survives is None else 2)]


ROUNDS: tuple[Round, ...] = tuple(one for cell in CELLS for one in rounds_of(cell))
