# SPDX-License-Identifier: GPL-2.0-only
"""What measuring costs, as a loss of goodput."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from zcprobe.analysis.probe_cost import df_probe_cost
from zcprobe.format.intervals import CONFIDENCE_TEXT
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.units import format_bytes

__all__ = ["plot_probe_cost"]


def plot_probe_cost(ratios: Mapping[str, Sequence[float]], ax: Axes | None = None) -> Axes:
    """Each pair's ratio of goodput with measuring to goodput without, the median and its interval. `load_cost` returns
    `ratios`."""
    ax = axes_or_new(ax)
    table = df_probe_cost(ratios)
    title = f"What measuring costs: each pair of blocks, median and {CONFIDENCE_TEXT} interval"
    ax.set_title(title, loc="left", fontsize=11)
    ax.set_ylabel("goodput, with to without")
    ax.set_xlabel("what was switched on, and the size of a send; below the line measuring costs")
    if table.empty:
        return say_empty(ax, "no cost was measured")
    labels = []
    for position, (row, values) in enumerate(zip(table.to_dict("records"), ratios.values(), strict=True)):
        spread = np.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else np.zeros(1)
        ax.plot(position - 0.1 + spread, values, linestyle="none", marker="o", markersize=4, color="#888888")
        middle, at = row["median"], position + 0.25
        ax.plot(at, middle, marker="D", color="#0072B2", markersize=7)
        if np.isfinite(row["low"]):
            interval = [[middle - row["low"]], [row["high"] - middle]]
            ax.errorbar([at], [middle], yerr=interval, fmt="none", ecolor="#0072B2", capsize=4)
        labels.append(f"{row['what']}\n{format_bytes(row['send_bytes'])}\nn = {row['pair_count']}")
    ax.axhline(1, color="black", linewidth=1.2, linestyle=(0, (6, 2)))
    ax.set_xticks(range(len(labels)), labels, fontsize=9)
    ax.set_xlim(-0.6, len(labels) - 0.4)
    return ax
