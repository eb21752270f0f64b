# SPDX-License-Identifier: GPL-2.0-only
"""Compares zerocopy with copying, by the size of a send."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from zcprobe.analysis.crossover import crossover_bytes, df_crossover
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.style import PAPER
from zcprobe.units import format_bytes

__all__ = ["plot_crossover"]


def plot_crossover(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """Ratio of median goodputs with its bootstrap interval, over the size of a send; above the line zerocopy wins."""
    ax = axes_or_new(ax, runs)
    table = df_crossover(runs)
    ax.set_title("Where zerocopy begins to pay on this path", loc="left", fontsize=11)
    ax.set_xlabel("size of a send (logarithmic)")
    ax.set_ylabel("goodput, zerocopy to copy")
    if table.empty:
        return say_empty(ax, "no size of a send has completed runs both with and without zerocopy")
    ratio = table["ratio"].to_numpy()
    low, high = table["low"].fillna(table["ratio"]).to_numpy(), table["high"].fillna(table["ratio"]).to_numpy()
    ax.errorbar(table["send_bytes"], ratio, yerr=[ratio - low, high - ratio], color="#0072B2", marker="o", capsize=4)
    ax.axhline(1, color="black", linewidth=1.4, linestyle=(0, (6, 2)))
    ax.text(0.005, 1, "equal", transform=ax.get_yaxis_transform(), va="bottom", fontsize=9, bbox=PAPER)
    ax.set_xscale("log", base=2)
    counts = zip(table["send_bytes"], table["zerocopy_run_count"], table["copy_run_count"], strict=True)
    labels = [f"{format_bytes(size)}\nn = {zerocopy} + {copy}" for size, zerocopy, copy in counts]
    ax.set_xticks(table["send_bytes"].to_list(), labels, fontsize=9)
    ax.minorticks_off()
    ax.set_ylim(0, max(float(high.max()), 1.0) * 1.2)
    found = crossover_bytes(table)
    text = f"zerocopy pays from {format_bytes(found)} on" if found else "not shown to pay, up to the largest size"
    ax.text(0.99, 0.96, text, transform=ax.transAxes, ha="right", va="top", fontsize=10)
    return ax
