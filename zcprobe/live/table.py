# SPDX-License-Identifier: GPL-2.0-only
"""The sockets as lines of text, as wide as the terminal allows, in the order that was chosen."""

from collections.abc import Callable, Iterable

from zcprobe.attach.columns import STATE, WIDE, Column, cut
from zcprobe.live.drawing import BLOCKS, spark
from zcprobe.live.state import Row

__all__ = ["MOST_ROWS", "ORDERS", "columns_for", "header", "line", "ordered"]

MOST_ROWS = 200
"""Most sockets on the screen: those that come first in the order."""

ORDERS: dict[str, Callable[[Row], float]] = {
    "USED": lambda row: -row.fullness,
    "UNREAD": lambda row: -row.depth,
    "SENDS/S": lambda row: -row.sends_per_s,
    "FD": lambda row: int(row.cells["FD"]),
}
"""The column to sort by -> the key of a socket: the highest first, but descriptors from the lowest."""

_COLUMNS = {column.name: column for column in (*WIDE, STATE, Column("USED", 5))}
_DEPTHS, _LEVELS = "QUEUE", "LEVELS"
_MARK = "> "
_WIDE, _WIDEST = 76, 120


def columns_for(width: int) -> list[Column]:
    """The columns that fit into lines of that many characters."""
    if width < _WIDE:
        names = ["FD", "UNREAD", _DEPTHS, "USED", _LEVELS]
    elif width < _WIDEST:
        names = ["FD", "SENDS/S", "UNREAD", _DEPTHS, "USED", _LEVELS]
    else:
        names = [
            "PID",
            "FD",
            "STATE",
            "SENDS/S",
            "MBIT/S",
            "FLIGHT",
            "UNREAD",
            _DEPTHS,
            "OPTMEM",
            "LIMIT",
            "USED",
            _LEVELS,
        ]
    fixed = [_COLUMNS[name] for name in names if name not in (_DEPTHS, _LEVELS)]
    room = width - len(_MARK) - sum(abs(column.width) + 1 for column in fixed)
    graph = max(1, min(30, (room - 21) // 2 - 1))
    remote = max(5, min(47, room - 2 * (graph + 1)))
    found = [_COLUMNS.get(name) or Column(name, graph) for name in names]
    found.insert(names.index("FD") + 1, Column("REMOTE", -remote))
    return found


def header(columns: Iterable[Column]) -> str:
    return "  " + " ".join(cut(column.name, column.width) for column in columns)


def line(row: Row, columns: Iterable[Column], *, is_picked: bool, ramp: str = BLOCKS) -> str:
    """The graphs go to the highest queue that is remembered, and to the limit."""
    depths, levels = row.levels.depths, row.levels.optmem_bytes
    graphs = {_DEPTHS: (depths, max(depths, default=0)), _LEVELS: (levels, row.limit_bytes or max(levels, default=0))}
    texts = [
        spark(*graphs[column.name], column.width, ramp)
        if column.name in graphs
        else cut(row.cells[column.name], column.width)
        for column in columns
    ]
    return (_MARK if is_picked else "  ") + " ".join(texts)


def ordered(rows: Iterable[Row], order: str) -> list[Row]:
    """In the order of a column, and those that are equal in the order in which they were first seen."""
    return sorted(rows, key=lambda row: (ORDERS[order](row), row.number))[:MOST_ROWS]
