"""All figures of a comparison, by name."""

from pathlib import Path

from matplotlib.figure import Figure

from zcprobe.dataset.load import Comparison, Run
from zcprobe.plots.canvas import add_method_line, add_outside_legend, new_figure, save_figure, say_empty
from zcprobe.plots.enobufs import plot_enobufs
from zcprobe.plots.goodput import plot_goodput
from zcprobe.plots.late_completions import plot_late_completions
from zcprobe.plots.sendmsg_results import plot_sendmsg_results
from zcprobe.plots.stalls import plot_stalls
from zcprobe.plots.with_and_without_the_fix import (
    draw_with_and_without_the_fix,
    ordered_policies,
    representative_run,
)

__all__ = ["draw_comparison", "save_comparison_figures"]

_COLUMNS = 3


def draw_comparison(comparison: Comparison) -> dict[str, Figure]:
    """Name -> figure, in the order in which they tell the story; `captions` has the text of each."""
    runs = [run for policy in ordered_policies(comparison) for run in comparison.runs_of(policy)]
    figures = {
        "with_and_without_the_fix": draw_with_and_without_the_fix(comparison),
        "enobufs": _draw_enobufs(comparison),
    }
    height = 2.6 + 0.9 * max(len(comparison.policies), 1)
    for name, plot, inches in (
        ("sendmsg_results", plot_sendmsg_results, height),
        ("stall_latency", plot_stalls, 3.6 + 0.25 * len(comparison.policies)),
        ("goodput", plot_goodput, 4.2),
        ("late_completions", plot_late_completions, 4.2),
    ):
        figures[name] = new_figure(max(8.0, 2.2 * len(comparison.policies)), inches)
        plot(runs, figures[name].add_subplot())
        add_method_line(figures[name], runs)
    return figures


def save_comparison_figures(figures: dict[str, Figure], folder: Path) -> None:
    """`<name>.png`, `.svg` and `.pdf` of each into `folder`, which is made when it is not there."""
    folder.mkdir(exist_ok=True)
    for name, figure in figures.items():
        save_figure(figure, folder, name)


def _draw_enobufs(comparison: Comparison) -> Figure:
    shown: list[tuple[str, Run | None]] = [
        (policy, representative_run(comparison.runs_of(policy))) for policy in ordered_policies(comparison)
    ]
    columns = min(_COLUMNS, len(shown)) or 1
    rows = -(-len(shown) // columns) or 1
    figure = new_figure(5.0 * columns + 0.6, 3.2 * rows + 0.5)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax, (policy, run) in zip(axes, shown, strict=False):
        if run is None:
            say_empty(ax, f"no run of {policy} was made")
        else:
            plot_enobufs(run, ax)
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    labelled = max(axes, key=lambda ax: len(ax.get_legend_handles_labels()[0]))
    add_outside_legend(figure, labelled.get_legend_handles_labels()[0], 3, comparison.runs)
    return figure
