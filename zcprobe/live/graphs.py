# SPDX-License-Identifier: GPL-2.0-only
"""The graphs of one socket."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer, Static

from zcprobe.live.drawing import chart
from zcprobe.live.state import Row
from zcprobe.live.words import facts

__all__ = ["Graphs", "graph_lines"]

_LEAST_HEIGHT = 2


def graph_lines(row: Row, width: int, height: int, ramp: str) -> list[str]:
    """The facts and two charts in `height` lines, or a few more on a terminal that is too low for them."""
    depths, levels = row.levels.depths, row.levels.optmem_bytes
    top = row.limit_bytes or max(levels, default=0)
    lines = facts(row, width)
    each = max(_LEAST_HEIGHT, (height - len(lines) - 2) // 2)
    lines.append(f"Notifications on the error queue: {row.depth} now, {max(depths, default=0)} at most")
    lines += chart(depths, max(depths, default=0), width, each, ramp)
    limit = "the limit is not known" if row.limit_bytes is None else f"limit {row.limit_bytes}"
    lines.append(f"Bytes of optmem: {row.cells['OPTMEM']} now, {max(levels, default=0)} at most, {limit}")
    return [text[:width] for text in (*lines, *chart(levels, top, width, each, ramp))]


class Graphs(Screen[None]):
    """`number`: the socket. Its last state stays when the socket is closed. `head`: the first line, as on the table's
    screen."""

    CSS = "#graphs { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,g", "app.graphs", "Back", priority=True)]

    def __init__(self, number: int, row: Row | None, ramp: str) -> None:
        super().__init__()
        self.number = number
        self._row = row
        self._ramp = ramp
        self.head = Static(markup=False)
        self._graphs = Static(id="graphs", markup=False)

    def compose(self) -> ComposeResult:
        yield from (self.head, self._graphs, Footer(compact=True))

    def on_resize(self, event: Resize) -> None:
        self.draw(self._row)

    def draw(self, row: Row | None) -> None:
        """Draws the newest state; None if the socket is gone."""
        is_gone = row is None
        self._row = row or self._row
        if self._row is None:
            return
        width, height = self.app.size
        lines = graph_lines(self._row, width, height - 2 - is_gone, self._ramp)
        self._graphs.update("\n".join(["This socket is gone."] * is_gone + lines))
