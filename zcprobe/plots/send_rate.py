# SPDX-License-Identifier: GPL-2.0-only
"""How much the sockets took over a run's time."""

import numpy as np
from matplotlib.axes import Axes

from zcprobe.analysis.send_rate import df_send_rate
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.style import style_of
from zcprobe.plots.timeline import finish_timeline, time_axis

__all__ = ["plot_send_rate"]


def plot_send_rate(run: Run, ax: Axes | None = None) -> Axes:
    """Gbit/s that the sockets took in each of 120 spans. The dotted area is the share of sends that a policy copied on
    purpose."""
    alone, ax = ax is None, axes_or_new(ax, [run])
    table = df_send_rate(run, 120)
    axis = time_axis(run, 0.0)
    ax.set_title(f"{run.policy}: taken by the sockets over time, all channels together", loc="left")
    ax.set_ylabel("taken [Gbit/s]")
    axis.apply(ax)
    if table.empty:
        return say_empty(ax, "no sends were recorded: it is not known when the sockets took data")
    edges = np.append(table["time_s"], table["time_s"].iloc[-1] + table["span_s"].iloc[-1]) * axis.per_s
    taken = table["taken_bps"].to_numpy() / 1e9
    ax.stairs(taken, edges, color=style_of(run.policy).color, fill=True, alpha=0.3)
    ax.stairs(taken, edges, color=style_of(run.policy).color, linewidth=1.0)
    if table["copied_on_purpose_count"].any():
        share = table["copied_on_purpose_count"] / table["send_count"].clip(lower=1)
        ax.stairs(taken * share, edges, fill=True, facecolor="none", edgecolor="#333333", hatch="....", linewidth=0.0)
        ax.text(0.99, 0.86, "dotted: copied on purpose", transform=ax.transAxes, ha="right", fontsize=8)
    ax.set_ylim(0, float(taken.max()) * 1.2 or 1.0)
    finish_timeline(ax, run, axis, alone=alone)
    return ax
