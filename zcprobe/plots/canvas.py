"""Figures without pyplot: no global state, no display."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["PNG_DPI", "axes_or_new", "new_figure", "save_figure", "say_empty"]

PNG_DPI = 150


def new_figure(width_inches: float, height_inches: float) -> Figure:
    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def axes_or_new(ax: Axes | None) -> Axes:
    """`ax`, or the only axes of a new figure of 8 x 4.5 inches."""
    return new_figure(8, 4.5).add_subplot() if ax is None else ax


def say_empty(ax: Axes, statement: str) -> Axes:
    """Says in words why there is nothing to draw; axis labels stay."""
    ax.text(0.5, 0.5, statement, transform=ax.transAxes, ha="center", va="center", wrap=True, color="#444444")
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def save_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Writes `<name>.png` (150 dpi) and `<name>.svg`; the same figure gives the same bytes."""
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    figure.savefig(png, dpi=PNG_DPI)
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(svg, metadata={"Date": None})
    return [png, svg]
