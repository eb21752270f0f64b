# SPDX-License-Identifier: GPL-2.0-only
"""How many sends a notification covers: merging is what keeps the error queue short."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.merges import df_merges
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.style import style_of
from zcprobe.plots.words import counted

__all__ = ["plot_merges"]

_SPREAD = 0.4


def plot_merges(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """One point per run on a logarithmic axis, with a column per policy. Each column says what share of the
    notifications was out of order."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs, by_column=True)
    table = df_merges(runs)
    table = table[table["notifications"] > 0]
    ax.set_title("Merging: sends that one notification covers, each run", loc="left", fontsize=11)
    ax.set_ylabel("sends per notification (logarithmic)")
    ax.set_xlabel("1 = nothing merges: every send in flight or unread holds a charge of its own", fontsize=9)
    if table.empty:
        return say_empty(ax, "no notification was read in these runs")
    labels = []
    for position, (policy, own) in enumerate(table.groupby("policy", sort=False)):
        style = style_of(str(policy))
        at = [position + _SPREAD * ((index + 0.5) / len(own) - 0.5) for index in range(len(own))]
        ax.plot(at, own["sends_per_notification"], style.marker, color=style.color, markersize=8)
        labels.append(f"{policy}\nn = {counted(len(own), 'run')}\n{_order(own)}")
    ax.axhline(1, color="black", linewidth=0.8, linestyle=":")
    ax.set_xticks(range(len(labels)), labels, fontsize=9)
    ax.set_xlim(-0.6, len(labels) - 0.4)
    ax.set_yscale("log")
    ax.set_ylim(0.8, max(10.0, float(table["sends_per_notification"].max()) * 1.5))
    return ax


def _order(own: pd.DataFrame) -> str:
    if own["out_of_order_count"].isna().any():
        return "order not\nrecorded"
    return f"{own['out_of_order_count'].sum() / own['notifications'].sum():.0%} out\nof order"
