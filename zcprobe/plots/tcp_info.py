# SPDX-License-Identifier: GPL-2.0-only
"""What TCP knew of the path over a run's time: round trip, congestion window, delivery rate, retransmissions."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zcprobe.analysis.tcp_info import df_tcp_info
from zcprobe.dataset.load import Run
from zcprobe.errors import UsageError
from zcprobe.plots.canvas import add_method_line, axes_or_new, new_figure, say_empty
from zcprobe.plots.style import PAPER, channel_style
from zcprobe.plots.timeline import TimeAxis, add_channel_legend, finish_timeline, span_edges_s, time_axis

__all__ = ["LOWEST", "draw_tcp_info", "plot_tcp_info"]

LOWEST: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (1, 2))}
"""The line of the lowest round trip."""

_QUANTITIES = {
    "rtt_ns": ("smoothed round trip", "ms", 1e6),
    "cwnd_bytes": ("congestion window", "KiB", 1024),
    "delivery_rate_bps": ("delivery rate", "Gbit/s", 1e9),
}


def plot_tcp_info(run: Run, ax: Axes | None = None, quantity: str = "rtt_ns") -> Axes:
    """One line per channel of a quantity of TCP_INFO: `rtt_ns`, `cwnd_bytes` or `delivery_rate_bps`. A dotted line is
    the lowest round trip that TCP measured. A tick below marks samples since which segments were sent again. UsageError
    for another `quantity`."""
    if quantity not in _QUANTITIES:
        raise UsageError(f"{quantity!r} is not a quantity of TCP_INFO to draw", f"choose from {', '.join(_QUANTITIES)}")
    alone, ax = ax is None, axes_or_new(ax, [run])
    table = df_tcp_info(run, span_edges_s(run))
    axis = time_axis(run, float(table["time_s"].max()) if len(table) else 0.0)
    name, unit, scale = _QUANTITIES[quantity]
    ax.set_title(f"{run.policy}: {name} of TCP", loc="left")
    ax.set_ylabel(f"{name} [{unit}]")
    axis.apply(ax)
    if table.empty:
        return say_empty(ax, "no samples of TCP_INFO were recorded")
    for channel, own in table.groupby("channel"):
        style = channel_style(run.policy, int(str(channel)))
        time = own["time_s"].to_numpy() * axis.per_s
        ax.step(time, own[quantity].to_numpy() / scale, where="post", linewidth=1.0, **style)
        if quantity == "rtt_ns":
            lowest = own["rtt_min_ns"].to_numpy() / scale
            ax.step(time, lowest, where="post", color=style["color"], **LOWEST)
    ax.set_ylim(0, float(table[quantity].max()) / scale * 1.2 or 1.0)
    _mark_retransmits(ax, table, axis)
    channels = [int(channel) for channel in table["channel"].unique()]
    if len(channels) > 1:
        add_channel_legend(ax, run.policy, channels)
    finish_timeline(ax, run, axis, alone=alone)
    return ax


def _mark_retransmits(ax: Axes, table: pd.DataFrame, axis: TimeAxis) -> None:
    rises = table.groupby("channel")["retransmit_count"].diff().fillna(0)
    times = table["time_s"].to_numpy()[rises.to_numpy() > 0] * axis.per_s
    transform = ax.get_xaxis_transform()
    ax.plot(times, np.full(len(times), 0.03), "|", color="black", markersize=7, transform=transform)
    count = int(table.groupby("channel")["retransmit_count"].max().sum())
    text = f"{count:,} segments sent again" + (" (ticks)" if len(times) else "")
    ax.text(0.99, 0.03, text, transform=ax.transAxes, ha="right", va="bottom", fontsize=8, bbox=PAPER)


def draw_tcp_info(run: Run) -> Figure:
    """Round trip, congestion window and delivery rate of a run's connections, one below the other."""
    figure = new_figure(10, 8)
    axes = figure.subplots(len(_QUANTITIES), 1)
    for ax, quantity in zip(axes, _QUANTITIES, strict=True):
        plot_tcp_info(run, ax, quantity)
    for ax in axes[:-1]:
        ax.set_xlabel("")
    add_method_line(figure, [run])
    return figure
