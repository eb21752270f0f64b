# SPDX-License-Identifier: GPL-2.0-only
"""Figures without pyplot: no global state, no display."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zcprobe.dataset.load import Run
from zcprobe.errors import OutputError
from zcprobe.plots.method_line import method_line

__all__ = [
    "FIGURE_KINDS",
    "LEAST_INCHES",
    "PNG_DPI",
    "ShownFigure",
    "add_method_line",
    "add_outside_legend",
    "axes_or_new",
    "figure_bytes",
    "new_figure",
    "save_figure",
    "say_empty",
    "without_markup",
]

PNG_DPI = 150
FIGURE_KINDS = ("png", "svg", "pdf")

_NO_DATE = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
_COLUMN_INCHES = 1.15
LEAST_INCHES = 8.0
"""Width of a figure whose title and legend are not cut off."""
_CHARACTERS_PER_INCH = 20
"""Of the method line at its size."""


class ShownFigure(Figure):
    """A figure that a notebook shows when it is a cell's last value, with no `%matplotlib` and no pyplot."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=100)
        return file.getvalue()


def new_figure(width_inches: float, height_inches: float) -> Figure:
    figure = ShownFigure(figsize=(width_inches, height_inches), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def axes_or_new(ax: Axes | None, runs: Sequence[Run] = (), *, by_column: bool = False) -> Axes:
    """`ax`, or the only axes of a new figure of 8 x 4.5 inches that says below which runs it was drawn from; wider when
    `by_column` each of many policies needs a column."""
    if ax is not None:
        return ax
    policies = len({run.policy for run in runs}) if by_column else 0
    figure = new_figure(max(LEAST_INCHES, _COLUMN_INCHES * policies), 4.5)
    add_method_line(figure, runs)
    return figure.add_subplot()


def add_method_line(figure: Figure, runs: Sequence[Run]) -> None:
    """What the figure was drawn from, in small print below it, so that it can be told when it stands alone."""
    if runs:
        text = method_line(runs, int(figure.get_figwidth() * _CHARACTERS_PER_INCH))
        figure.supxlabel(without_markup(text), x=0.01, ha="left", fontsize=7.5, color="#444444")


def add_outside_legend(figure: Figure, handles: Sequence[Artist], columns: int, runs: Sequence[Run]) -> None:
    """One legend for all axes, below them, with the method line: two things below a figure would lie on each other."""
    legend = figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, frameon=False)
    if runs:
        legend.set_title(without_markup(method_line(runs, int(figure.get_figwidth() * _CHARACTERS_PER_INCH))))
        legend.get_title().set_fontsize(7.5)


def without_markup(text: str) -> str:
    """The text as it is drawn: matplotlib takes what stands between two dollars for a formula."""
    return text.replace("$", r"\$")


def say_empty(ax: Axes, statement: str) -> Axes:
    """Says in words why there is nothing to draw; axis labels stay."""
    ax.text(0.5, 0.5, statement, transform=ax.transAxes, ha="center", va="center", wrap=True, color="#444444")
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def save_figure(figure: Figure, folder: Path, name: str, kinds: Sequence[str] = FIGURE_KINDS) -> list[Path]:
    """Writes `<name>.<kind>` for each kind, PNG at 150 dpi; the same figure gives the same bytes. OutputError."""
    paths = [folder / f"{name}.{kind}" for kind in kinds]
    try:
        with mpl.rc_context({"svg.hashsalt": name}), _laid_out_once(figure):
            for kind, path in zip(kinds, paths, strict=True):
                figure.savefig(path, dpi=PNG_DPI, metadata=_NO_DATE[kind])
    except OSError as error:
        raise OutputError(f"no figure can be written to {folder}: {error.strerror}", "choose another folder") from error
    return paths


def figure_bytes(figure: Figure, name: str, kind: str) -> bytes:
    """What `save_figure` would write for that kind."""
    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(file, format=kind, dpi=PNG_DPI, metadata=_NO_DATE[kind])
    return file.getvalue()


@contextmanager
def _laid_out_once(figure: Figure) -> Iterator[None]:
    """Constrained layout takes longer than drawing, and each savefig() would do it anew."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
    try:
        yield
    finally:
        figure.set_layout_engine(engine)
