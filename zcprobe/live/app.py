# SPDX-License-Identifier: GPL-2.0-only
"""The screen of `zcprobe live`: it shows the newest state of a source, which goes on whether or not anybody looks."""

import sys
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.widgets import Footer, OptionList, RichLog, Static

from zcprobe.live.drawing import ASCII, BLOCKS
from zcprobe.live.graphs import Graphs
from zcprobe.live.log import MOST_LINES
from zcprobe.live.state import Row, Source, State
from zcprobe.live.table import ORDERS, columns_for, header, line, ordered
from zcprobe.live.words import diagnosis_line, head_line

__all__ = ["LiveApp"]

_LINES = ("head", "diagnosis", "header")

_LOOK_S = 0.1
"""Time between two looks at the source."""


def _ramp() -> str:
    """The characters of graphs that the terminal's encoding has."""
    try:
        BLOCKS.encode(getattr(sys.__stderr__, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return ASCII
    return BLOCKS


def _update(static: Static, text: str) -> None:
    """Draws nothing where the text is the same, because the terminal may be far away."""
    if static.content != text:
        static.update(text)


class LiveApp(App[None]):
    """Ends by itself when the source is over, and when `has_hung_up` says that its terminal has gone; then it
    `is_alone`."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head, #diagnosis, #header { height: 1; }
    #header { text-style: bold; }
    #sockets { height: 1fr; min-height: 3; scrollbar-size-vertical: 1; text-wrap: nowrap; }
    #log { height: 30%; min-height: 3; border-top: ascii $foreground; scrollbar-size-vertical: 1; }
    Footer { height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "sort", "Sort"),
        Binding("p", "pause", "Pause"),
        Binding("enter", "graphs", "Graphs", show=False),
        Binding("g", "graphs", "Graphs"),
        Binding("s", "save", "Save"),
        Binding("q", "end", "Quit"),
        Binding("ctrl+c,ctrl+q", "end", "Quit", show=False, priority=True),
    ]

    def __init__(self, source: Source, has_hung_up: Callable[[], bool] = lambda: False) -> None:
        super().__init__()
        self._has_hung_up = has_hung_up
        self.is_alone = False
        self._is_ending = False
        self._source = source
        self._state: State | None = None
        self._logged = 0
        self._shown: list[Row] = []
        self._picked: int | None = None
        self._order = next(iter(ORDERS))
        self._is_paused = False
        self._ramp = _ramp()
        self._graphs: Graphs | None = None
        # kept, because while textual ends nothing can be found by its name any more
        self._head, self._diagnosis, self._header = (Static(id=name, markup=False) for name in _LINES)
        self._sockets = OptionList(id="sockets", markup=False, compact=True)
        self._lines = RichLog(id="log", max_lines=MOST_LINES, wrap=True, min_width=1)

    def compose(self) -> ComposeResult:
        yield from (self._head, self._diagnosis, self._header, self._sockets, self._lines, Footer(compact=True))

    def on_mount(self) -> None:
        self._lines.can_focus = False
        self._sockets.focus()
        self.set_interval(_LOOK_S, self._look)

    def _look(self) -> None:
        """Shows what is new. While it is paused, only what the keys do."""
        if self._is_ending:
            return
        self.is_alone = self._has_hung_up()
        if self.is_alone or self._source.is_over:
            self.action_end()
            return
        self._draw_head()
        if self._is_paused:
            return
        self._draw_log()
        if self._source.newest is not self._state:
            self._state = self._source.newest
            self._draw()

    def on_resize(self, event: Resize) -> None:
        self._draw()
        self._logged = 0  # its lines are wrapped anew
        self._lines.clear()
        self._draw_log()

    def _draw_head(self) -> None:
        words = [f"by {self._order}", self._source.saving, "PAUSED" if self._is_paused else ""]
        width = self.size.width
        for head in (self._head, *([self._graphs.head] if self._graphs else [])):
            _update(head, head_line(self._state, words, width))
        _update(self._diagnosis, diagnosis_line(self._state, width))

    def _draw_log(self) -> None:
        total, lines = self._source.log.lines()
        for text in lines[-(total - self._logged) :] if total > self._logged else []:
            self._lines.write(Text(text))
        self._logged = total

    def _draw(self) -> None:
        """The table, and the graphs if they are on top."""
        self._shown = ordered(self._state.rows, self._order) if self._state else []
        numbers = [row.number for row in self._shown]
        if self._picked not in numbers:
            self._picked = numbers[0] if numbers else None
        self._draw_rows()
        if self._graphs:
            self._graphs.draw(self._row(self._graphs.number))

    def _draw_rows(self) -> None:
        columns = columns_for(self.size.width - 1)
        _update(self._header, header(columns))
        lines = [
            Text(line(row, columns, is_picked=row.number == self._picked, ramp=self._ramp), no_wrap=True)
            for row in self._shown
        ]
        with self.prevent(OptionList.OptionHighlighted):
            if len(lines) != self._sockets.option_count:
                self._sockets.set_options(lines)
            else:
                for index, text in enumerate(lines):
                    self._sockets.replace_option_prompt_at_index(index, text)
            numbers = [row.number for row in self._shown]
            self._sockets.highlighted = numbers.index(self._picked) if self._picked is not None else None

    def _row(self, number: int) -> Row | None:
        rows = self._state.rows if self._state else ()
        return next((row for row in rows if row.number == number), None)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_index < len(self._shown) and self._shown[event.option_index].number != self._picked:
            self._picked = self._shown[event.option_index].number
            self._draw_rows()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_graphs()

    def action_sort(self) -> None:
        names = list(ORDERS)
        self._order = names[(names.index(self._order) + 1) % len(names)]
        self._draw_head()
        self._draw()

    def action_pause(self) -> None:
        self._is_paused = not self._is_paused
        self._look()

    def action_graphs(self) -> None:
        """Shows the graphs of the picked socket, or the table again."""
        if self._graphs:
            self._graphs = None
            self.pop_screen()
        elif self._picked is not None:
            self._graphs = Graphs(self._picked, self._row(self._picked), self._ramp)
            self.push_screen(self._graphs)

    def action_save(self) -> None:
        self._source.save()
        self._draw_head()

    def action_end(self) -> None:
        self._is_ending = True
        self._source.end()
        self.exit()
