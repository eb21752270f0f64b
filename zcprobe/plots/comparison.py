# SPDX-License-Identifier: GPL-2.0-only
"""All figures of a comparison, by name."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zcprobe.dataset.load import Comparison, Run
from zcprobe.plots.canvas import (
    FIGURE_KINDS,
    LEAST_INCHES,
    add_method_line,
    add_outside_legend,
    new_figure,
    save_figure,
    say_empty,
)
from zcprobe.plots.enobufs import plot_enobufs
from zcprobe.plots.goodput import plot_goodput
from zcprobe.plots.late_completions import plot_late_completions
from zcprobe.plots.order import in_order
from zcprobe.plots.sendmsg_results import plot_sendmsg_results
from zcprobe.plots.stalls import plot_stalls
from zcprobe.plots.tcp_info import LOWEST, plot_tcp_info
from zcprobe.plots.timeline import timeline_handles
from zcprobe.plots.with_and_without_the_fix import (
    draw_with_and_without_the_fix,
    representative_run,
)

__all__ = ["COMPARISON_FIGURES", "draw_comparison", "save_comparison_figures"]

_COLUMNS = 3


def draw_comparison(comparison: Comparison) -> dict[str, Figure]:
    """Name -> figure, in the order in which the figures tell the story; `captions` has the text of each."""
    return {name: draw(comparison) for name, draw in COMPARISON_FIGURES.items()}


def _draw_with(plot: Callable[[list[Run], Axes], Axes], comparison: Comparison, height_inches: float) -> Figure:
    runs = [run for policy in in_order(comparison.policies) for run in comparison.runs_of(policy)]
    figure = new_figure(max(LEAST_INCHES, 2.2 * len(comparison.policies)), height_inches)
    plot(runs, figure.add_subplot())
    add_method_line(figure, runs)
    return figure


def _draw_sendmsg_results(comparison: Comparison) -> Figure:
    return _draw_with(plot_sendmsg_results, comparison, 2.6 + 0.9 * max(len(comparison.policies), 1))


def _draw_stalls(comparison: Comparison) -> Figure:
    return _draw_with(plot_stalls, comparison, 3.6 + 0.25 * len(comparison.policies))


def _draw_goodput(comparison: Comparison) -> Figure:
    return _draw_with(plot_goodput, comparison, 4.2)


def _draw_late_completions(comparison: Comparison) -> Figure:
    return _draw_with(plot_late_completions, comparison, 4.2)


def save_comparison_figures(figures: dict[str, Figure], folder: Path, kinds: Sequence[str] = FIGURE_KINDS) -> None:
    """Writes `<name>.<kind>` of each figure into `folder`, which is made when it does not exist."""
    folder.mkdir(mode=0o755, exist_ok=True)  # whatever the umask, nobody else may write into the folder
    for name, figure in figures.items():
        save_figure(figure, folder, name, kinds)


def _draw_each(comparison: Comparison, plot: Callable[[Run, Axes], Axes]) -> tuple[Figure, list[Axes]]:
    """A panel for each policy, which shows its representative run."""
    shown: list[tuple[str, Run | None]] = [
        (policy, representative_run(comparison.runs_of(policy))) for policy in in_order(comparison.policies)
    ]
    columns = min(_COLUMNS, len(shown)) or 1
    rows = -(-len(shown) // columns) or 1
    figure = new_figure(max(5.0 * columns + 0.6, LEAST_INCHES), 3.2 * rows + 0.5)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax, (policy, run) in zip(axes, shown, strict=False):
        if run is None:
            say_empty(ax, f"no run of {policy} was made")
        else:
            plot(run, ax)
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    return figure, axes


def _draw_enobufs(comparison: Comparison) -> Figure:
    figure, axes = _draw_each(comparison, plot_enobufs)
    labelled = max(axes, key=lambda ax: len(ax.get_legend_handles_labels()[0]))
    add_outside_legend(figure, labelled.get_legend_handles_labels()[0], 3, comparison.runs)
    return figure


def _draw_round_trips(comparison: Comparison) -> Figure:
    figure, _ = _draw_each(comparison, plot_tcp_info)
    lowest = Line2D([], [], color="black", label="lowest round trip that TCP measured", **LOWEST)
    add_outside_legend(figure, timeline_handles(lines=[lowest]), 2, comparison.runs)
    return figure


COMPARISON_FIGURES: dict[str, Callable[[Comparison], Figure]] = {
    "with_and_without_the_fix": draw_with_and_without_the_fix,
    "enobufs": _draw_enobufs,
    "sendmsg_results": _draw_sendmsg_results,
    "stall_latency": _draw_stalls,
    "goodput": _draw_goodput,
    "late_completions": _draw_late_completions,
    "round_trips": _draw_round_trips,
}
"""Name -> the function that draws the figure, in the order in which the figures tell the story."""
