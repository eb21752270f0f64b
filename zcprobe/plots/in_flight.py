# SPDX-License-Identifier: GPL-2.0-only
"""Sends in flight over time, as the sender counts them."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from zcprobe.analysis.in_flight import df_in_flight
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.style import channel_style
from zcprobe.plots.timeline import add_channel_legend, finish_timeline, time_axis

__all__ = ["plot_in_flight"]

_BUCKETS = 800


def plot_in_flight(run: Run, ax: Axes | None = None) -> Axes:
    """One band per channel, from the lowest to the highest count in each span of time. ENOBUFS, stalls and the outcome
    are marked."""
    alone, ax = ax is None, axes_or_new(ax, [run])
    table = df_in_flight(run, _BUCKETS)
    axis = time_axis(run, float(table["time_s"].max()) if len(table) else 0.0)
    ax.set_title(f"{run.policy}: sends without a notification read", loc="left")
    ax.set_ylabel("sends in flight or unread")
    axis.apply(ax)
    if table.empty:
        return say_empty(ax, "no sends were recorded (or none with MSG_ZEROCOPY)")
    channels = table["channel"].unique()
    for channel in channels:
        own = table[table["channel"] == channel]
        time = own["time_s"].to_numpy() * axis.per_s
        low, high = own["low_count"].to_numpy(), own["high_count"].to_numpy()
        style = channel_style(run.policy, int(channel))
        ax.fill_between(time, low, high, step="post", color=style["color"], alpha=0.35, linewidth=0)
        ax.step(time, high, where="post", linewidth=1.0, label=f"channel {channel}", **style)
    ax.set_ylim(0, max(int(np.max(table["high_count"])), 1) * 1.2)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    if len(channels) > 1:
        add_channel_legend(ax, run.policy, [int(channel) for channel in channels])
    finish_timeline(ax, run, axis, alone=alone)
    return ax
