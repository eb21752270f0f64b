# SPDX-License-Identifier: GPL-2.0-only
"""Length of the error queue over time."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from zcprobe.analysis.errqueue import df_errqueue
from zcprobe.dataset.load import Run
from zcprobe.format.kernel import notifications_that_fit
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.style import LIMIT, PAPER, channel_style, policy_line
from zcprobe.plots.timeline import add_channel_legend, finish_timeline, span_edges_s, time_axis

__all__ = ["plot_errqueue"]


def plot_errqueue(run: Run, ax: Axes | None = None, until_s: float | None = None) -> Axes:
    """errqueue_depth in notifications, one line per channel, up to `until_s`. ENOBUFS, stalls and the outcome are
    marked."""
    alone, ax = ax is None, axes_or_new(ax, [run])
    table = df_errqueue(run, span_edges_s(run, until_s))
    known = table[table["errqueue_depth"].notna()]
    axis = time_axis(run, float(table["time_s"].max()) if len(table) else 0.0, until_s)
    ax.set_title(f"{run.policy}: error queue", loc="left")
    ax.set_ylabel("errqueue depth [notifications]")
    axis.apply(ax)
    if known.empty:
        return say_empty(ax, "the length of the error queue is not known:\nonly the probes can read it")
    channels = [int(channel) for channel in known["channel"].unique()]
    for channel in sorted(channels):
        own = known[known["channel"] == channel]
        style = channel_style(run.policy, channel) if len(channels) > 1 else policy_line(run.policy)
        _draw(ax, own, axis.per_s, style | {"label": f"channel {channel}"})
    if len(channels) > 1:
        add_channel_legend(ax, run.policy, sorted(channels))
    ax.set_ylim(0, max(int(known["errqueue_depth"].max()), 1) * 1.2)
    _draw_limit(ax, run)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    finish_timeline(ax, run, axis, alone=alone)
    return ax


def _draw_limit(ax: Axes, run: Run) -> None:
    """Draws the number of notifications that fill optmem on their own, where that lies within the axes."""
    most = notifications_that_fit(run.kernel.optmem_max_bytes, run.kernel.charge_bytes)
    if most < 3 * ax.get_ylim()[1]:
        ax.set_ylim(0, max(ax.get_ylim()[1], most * 1.2))
        ax.axhline(most, **LIMIT)
        text = f"{most:,} notifications fill optmem"
        ax.text(0.01, most * 0.975, text, transform=ax.get_yaxis_transform(), fontsize=9, va="top", bbox=PAPER)


def _draw(ax: Axes, table: pd.DataFrame, per_s: float, style: dict[str, Any]) -> None:
    depth = table["errqueue_depth"].to_numpy(dtype=np.float64)
    ax.step(table["time_s"].to_numpy() * per_s, depth, where="post", linewidth=1.0, **style)
