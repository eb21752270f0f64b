# SPDX-License-Identifier: GPL-2.0-only
"""The last holders of data whose completions could not be merged."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.late_completions import df_late_completions
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty, without_markup
from zcprobe.plots.order import by_policy
from zcprobe.plots.style import Fill
from zcprobe.plots.words import counted

__all__ = ["plot_late_completions"]

_MOST_HOLDERS = 12

_PARTS = {
    "in_order": Fill("in order (the queue was empty, or its tail of another kind)", "#DDDDDD", ""),
    "ahead": Fill("out of order: skips a hole", "#A9D3F5", "...."),
    "late": Fill("out of order: late, fills a hole", "#F2B84B", "////"),
}


def plot_late_completions(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """Horizontal bars: errqueue entries by the kernel function that dropped the last reference, all runs together. The
    twelve holders with the most entries are drawn."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs)
    ax.set_title(
        "Who held the data last: completions that became errqueue entries of their own", loc="left", fontsize=11
    )
    ax.set_xlabel(f"notifications appended, {counted(len(runs), 'run')} together")
    ax.set_ylabel("last holder (kernel function)")
    tables = [table for table in map(df_late_completions, runs) if len(table)]
    if not tables:
        return say_empty(ax, "no stacks of completions: only the probes can see who held the data last")
    counts = pd.concat(tables).groupby("holder").sum().sort_values("appended_count").tail(_MOST_HOLDERS)
    parts = {
        "in_order": counts["appended_count"] - counts["out_of_order_count"],
        "ahead": counts["out_of_order_count"] - counts["late_count"],
        "late": counts["late_count"],
    }
    left = pd.Series(0, index=counts.index)
    holders = [without_markup(name) for name in counts.index]
    for name, fill in _PARTS.items():
        bars = ax.barh(holders, parts[name], 0.7, left, label=fill.label, **fill.arguments())
        left = left + parts[name]
    ax.bar_label(bars, [f"{total:,}" for total in counts["appended_count"]], padding=3, fontsize=9)
    ax.set_ylim(-0.6, max(len(counts), 3) - 0.4)
    ax.set_xlim(0, float(counts["appended_count"].max()) * 1.12)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False, fontsize=9)
    return ax
