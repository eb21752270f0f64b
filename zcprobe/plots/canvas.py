# SPDX-License-Identifier: GPL-2.0-only
"""Makes and saves figures without pyplot, so that no global state and no display is needed."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zcprobe.analysis.validity import stamp_of
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
"""The least width at which the title and the legend of a figure are not cut off."""
_CHARACTERS_PER_INCH = 18
"""How many characters of the method line fit into an inch at its font size."""


_GREY = "#444444"
_RED = "#b00020"


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
    """`ax`, or the only axes of a new figure of 8 x 4.5 inches with the method line of `runs`. With `by_column` the
    figure is wider when many policies need a column each."""
    if ax is not None:
        return ax
    policies = len({run.policy for run in runs}) if by_column else 0
    figure = new_figure(max(LEAST_INCHES, _COLUMN_INCHES * policies), 4.5)
    add_method_line(figure, runs)
    return figure.add_subplot()


def add_method_line(figure: Figure, runs: Sequence[Run]) -> None:
    """Says in small print below the figure what it was drawn from, for a reader who has only the figure."""
    if runs:
        text = method_line(runs, int(figure.get_figwidth() * _CHARACTERS_PER_INCH))
        figure.supxlabel(without_markup(text), x=0.01, ha="left", fontsize=7.5, color=_print_colour(runs))


def add_outside_legend(figure: Figure, handles: Sequence[Artist], columns: int, runs: Sequence[Run]) -> None:
    """One legend for all axes, below them. It includes the method line, because two things below a figure would
    overlap."""
    legend = figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, frameon=False)
    if runs:
        legend.set_title(without_markup(method_line(runs, int(figure.get_figwidth() * _CHARACTERS_PER_INCH))))
        legend.get_title().set_fontsize(7.5)
        legend.get_title().set_color(_print_colour(runs))


def _print_colour(runs: Sequence[Run]) -> str:
    """The small print is red on a figure of runs that cannot be relied on."""
    return _GREY if stamp_of(runs).valid else _RED


def without_markup(text: str) -> str:
    """The text with its dollar signs escaped. Matplotlib would take what stands between two of them for a formula."""
    return text.replace("$", r"\$")


def say_empty(ax: Axes, statement: str) -> Axes:
    """Writes into the axes why there is nothing to draw. The axis labels stay."""
    ax.text(0.5, 0.5, statement, transform=ax.transAxes, ha="center", va="center", wrap=True, color=_GREY)
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def save_figure(figure: Figure, folder: Path, name: str, kinds: Sequence[str] = FIGURE_KINDS) -> list[Path]:
    """Writes `<name>.<kind>` for each kind and returns the paths. PNG has 150 dpi. The same figure gives the same
    bytes. OutputError when a file cannot be written."""
    paths = [folder / f"{name}.{kind}" for kind in kinds]
    try:
        with mpl.rc_context({"svg.hashsalt": name}), _laid_out_once(figure):
            for kind, path in zip(kinds, paths, strict=True):
                figure.savefig(path, dpi=PNG_DPI, metadata=_NO_DATE[kind])
    except OSError as error:
        raise OutputError(f"no figure can be written to {folder}: {error.strerror}", "choose another folder") from error
    return paths


def figure_bytes(figure: Figure, name: str, kind: str) -> bytes:
    """The bytes that `save_figure` would write for that kind."""
    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(file, format=kind, dpi=PNG_DPI, metadata=_NO_DATE[kind])
    return file.getvalue()


@contextmanager
def _laid_out_once(figure: Figure) -> Iterator[None]:
    """Computes the layout once for all savefig() calls inside. Constrained layout takes longer than drawing, and each
    savefig() would compute it again."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
    try:
        yield
    finally:
        figure.set_layout_engine(engine)
