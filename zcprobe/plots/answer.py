# SPDX-License-Identifier: GPL-2.0-only
"""The figure of each question."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zcprobe.analysis.enobufs_causes import CAUSES_OF_ENOBUFS, causes_of
from zcprobe.analysis.questions.answers import Answered
from zcprobe.analysis.questions.question import Series
from zcprobe.analysis.retries import retries_of
from zcprobe.dataset.run import Run
from zcprobe.format.intervals import CONFIDENCE_TEXT
from zcprobe.plots.canvas import add_method_line, new_figure
from zcprobe.plots.enobufs_causes import draw_enobufs_causes
from zcprobe.plots.late_completions import plot_late_completions
from zcprobe.plots.optmem_map import plot_optmem_map
from zcprobe.plots.stalls import plot_stalls
from zcprobe.plots.words import counted

__all__ = ["draw_answer"]

_WIDTH_INCHES = 9.0
_ROW_INCHES = 0.42
_POINT, _MEAN = "#2E8BC0", "#1A1A1A"
_BARS = ("#0072B2", "#E9A42B", "#009E73", "#D55E00")
_HATCHES = ("", "////", "....", "\\\\\\\\")


def draw_answer(answered: Answered) -> Figure:
    """The figure of a question that has runs of every cell; ValueError for one that has not."""
    if answered.conclusion is None:
        raise ValueError(f"{answered.question.id} has nothing to draw")
    draw = _OF_THEIR_OWN.get(answered.question.id, _draw_series)
    figure = draw(answered)
    add_method_line(figure, answered.runs)
    return figure


def _panels(count: int, height_inches: float, *, beside: bool = False) -> tuple[Figure, list[Axes]]:
    figure = new_figure(_WIDTH_INCHES, height_inches)
    rows, columns = (1, count) if beside else (count, 1)
    return figure, [figure.add_subplot(rows, columns, at + 1) for at in range(count)]


def _draw_series(answered: Answered) -> Figure:
    assert answered.conclusion is not None
    panels = answered.conclusion.series
    rows = [len(series.rows) for series in panels]
    figure = new_figure(_WIDTH_INCHES, sum(_ROW_INCHES * count + 0.9 for count in rows) + 0.6)
    grid = figure.add_gridspec(len(panels), 1, height_ratios=[count + 1.5 for count in rows])
    for at, series in enumerate(panels):
        _draw_rows(figure.add_subplot(grid[at]), series)
    return figure


def _draw_rows(ax: Axes, series: Series) -> None:
    """A row for each cell: a point for each run, and the mean with its interval."""
    labels, largest = [], 0.0
    for at, (label, values, number) in enumerate(series.rows):
        scaled = np.asarray(values, np.float64) / series.scale
        spread = np.linspace(-0.16, 0.16, len(scaled)) if len(scaled) > 1 else np.zeros(len(scaled))
        ax.plot(scaled, at - 0.12 + spread, "o", color=_POINT, markersize=4.5, alpha=0.8)
        if number.value is not None:
            mean = number.value / series.scale
            ends = [
                (value if value is not None else number.value) / series.scale for value in (number.low, number.high)
            ]
            below, above = max(mean - ends[0], 0), max(ends[1] - mean, 0)
            ax.errorbar(mean, at + 0.22, xerr=[[below], [above]], fmt="D", color=_MEAN, markersize=5, capsize=4)
        labels.append(f"{label} (n = {number.n})")
        largest = max(largest, float(scaled.max(initial=0)))
    ax.set_yticks(range(len(labels)), labels, fontsize=9)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_xlim(0, largest * 1.08 or 1.0)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    ax.set_title(series.title, loc="left", fontsize=11)
    ax.set_xlabel(f"{series.unit}; each run, mean and its {CONFIDENCE_TEXT} interval", fontsize=9)
    ax.grid(visible=True, axis="x", color="#DDDDDD", linewidth=0.6)


def _draw_map(answered: Answered) -> Figure:
    figure, panels = _panels(3, 10.5)
    for ax, scenario in zip(panels, ("in-flight", "in-order", "held-completions"), strict=True):
        plot_optmem_map([run for run in answered.runs if run.scenario == scenario], ax)
        ax.set_title(f"{scenario}: runs of qemu-pre that died", loc="left", fontsize=11)
        legend = ax.get_legend()
        if legend is not None and ax is not panels[-1]:
            legend.remove()
        for text in ax.texts:
            text.set_fontsize(9)
    return figure


def _draw_retries(answered: Answered) -> Figure:
    """Writes by the number of ENOBUFS that they met, a bar for each cell."""
    figure, (ax,) = _panels(1, 4.6)
    counts = {
        label: sum((Counter(retries_of(run)) for run in cell.runs), Counter()) for label, cell in answered.cells.items()
    }
    most = max((max(own, default=1) for own in counts.values()), default=1)
    width = 0.8 / len(counts)
    for at, (label, own) in enumerate(counts.items()):
        total = sum(own.values())
        places = [met + (at - (len(counts) - 1) / 2) * width for met in range(1, most + 1)]
        shares = [own[met] / total if total else 0.0 for met in range(1, most + 1)]
        runs = counted(len(answered.cells[label].runs), "run")
        bars = ax.bar(
            places,
            shares,
            width * 0.9,
            label=f"{label}: {counted(total, 'write')} in {runs}",
            color=_BARS[at % len(_BARS)],
            hatch=_HATCHES[at % len(_HATCHES)],
            edgecolor="white",
        )
        ax.bar_label(bars, [f"{own[met]:,}" if own[met] else "" for met in range(1, most + 1)], fontsize=8)
    ax.set_xticks(range(1, most + 1))
    ax.set_ylim(0, 1.1)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    ax.set_xlabel("ENOBUFS that a write met until it succeeded or failed")
    ax.set_ylabel("share of the writes that met any")
    ax.set_title("Retries until success", loc="left", fontsize=11)
    ax.legend(frameon=False, fontsize=9)
    return figure


def _draw_stalls(answered: Answered) -> Figure:
    return _draw_each(answered, 8.0, plot_stalls, "how long a write waited")


def _draw_holders(answered: Answered) -> Figure:
    return _draw_each(answered, 7.0, plot_late_completions, "who dropped the last reference")


def _draw_each(answered: Answered, height: float, plot: Callable[[list[Run], Axes], object], what: str) -> Figure:
    """A panel for each of two cells."""
    figure, panels = _panels(2, height)
    for ax, (label, cell) in zip(panels, answered.cells.items(), strict=True):
        plot(cell.runs, ax)
        ax.set_title(f"{label}: {what}", loc="left", fontsize=11)
    return figure


def _draw_causes(answered: Answered) -> Figure:
    figure, (ax,) = _panels(1, 4.2)
    totals = {label: sum(map(causes_of, cell.runs), Counter()) for label, cell in answered.cells.items()}
    counts = (
        pd.DataFrame.from_dict(totals, orient="index").reindex(columns=list(CAUSES_OF_ENOBUFS)).fillna(0).astype(int)
    )
    draw_enobufs_causes(ax, counts)
    labels = [
        f"{label}\n{counted(totals[label].total(), 'call')} in {counted(len(cell.runs), 'run')}"
        for label, cell in answered.cells.items()
    ]
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    ax.set_xlabel("share of the refused calls")
    ax.set_title("Why sendmsg returned ENOBUFS", loc="left", fontsize=11)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=9)
    return figure


_OF_THEIR_OWN: dict[str, Callable[[Answered], Figure]] = {
    "Q3": _draw_map,
    "Q5": _draw_retries,
    "Q7": _draw_stalls,
    "Q12": _draw_causes,
    "Q13": _draw_holders,
}
"""Question -> its figure; the others have the rows of each cell."""
