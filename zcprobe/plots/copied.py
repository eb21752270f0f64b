# SPDX-License-Identifier: GPL-2.0-only
"""Copied completions: how many the kernel copied, and how many the sender was told of."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.copied import df_copied
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.style import Fill
from zcprobe.plots.words import counted

__all__ = ["plot_copied"]

_BARS = {
    "completions": Fill("completions read", "#EEEEEE", ""),
    "told_count": Fill("of them reported as COPIED", "#F2B84B", "////"),
    "true_count": Fill("really copied by the kernel (probes)", "#A9D3F5", "...."),
}
_BAR = 0.26


def plot_copied(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """Three bars per policy, all its runs together. Without probes a text says that the true count is not known."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs)
    ax.set_title("Copied completions: what the notifications say, and what the kernel did", loc="left", fontsize=11)
    ax.set_xlabel("completions, all runs of a policy together")
    ax.set_ylabel("policy")
    table = df_copied(runs)
    if not table["completions"].sum():
        return say_empty(ax, "no completion was read in these runs")
    sums = table.groupby("policy", sort=False)[list(_BARS)].sum(min_count=1)
    for offset, (name, fill) in enumerate(_BARS.items()):
        at = [position + (offset - 1) * _BAR for position in range(len(sums))]
        bars = ax.barh(at, sums[name].fillna(0).astype(float), _BAR * 0.92, label=fill.label, **fill.arguments())
        texts = ["not known without probes" if pd.isna(value) else f"{value:,}" for value in sums[name]]
        ax.bar_label(bars, texts, padding=3, fontsize=8.5)
    repeats = table.groupby("policy", sort=False).size()
    ax.set_yticks(range(len(sums)), [f"{policy}\nn = {counted(int(n), 'run')}" for policy, n in repeats.items()])
    ax.invert_yaxis()
    ax.set_xlim(0, float(sums["completions"].max()) * 1.2)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False, fontsize=9)
    return ax
