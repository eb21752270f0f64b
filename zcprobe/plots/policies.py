# SPDX-License-Identifier: GPL-2.0-only
"""Policies side by side in one quantity, or in several."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zcprobe.analysis.policies import QUANTITIES, df_policies
from zcprobe.dataset.load import Run
from zcprobe.errors import UsageError
from zcprobe.format.intervals import CONFIDENCE_TEXT
from zcprobe.plots.canvas import add_method_line, axes_or_new, new_figure, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.style import style_of

__all__ = ["draw_policies", "plot_policies"]

_SHOWN = {
    "goodput_bps": ("goodput", "Gbit/s", 1e9),
    "duration_ns": ("duration until the outcome", "ms", 1e6),
    "sends": ("sends", "thousands", 1e3),
    "enobufs_count": ("ENOBUFS", "sendmsg calls", 1),
    "stall_count": ("stalls", "per run", 1),
    "stall_ns_total": ("time stalled", "ms per run", 1e6),
    "errqueue_depth_max": ("longest error queue", "notifications", 1),
    "optmem_peak_bytes": ("highest optmem", "KiB", 1024),
    "request_p50_ns": ("median request", "ms", 1e6),
    "request_p99_ns": ("99th percentile of requests", "ms", 1e6),
    "rtt_mean_ns": ("mean round trip", "ms", 1e6),
    "rtt_max_ns": ("highest round trip", "ms", 1e6),
    "cwnd_max_bytes": ("largest congestion window", "KiB", 1024),
    "delivery_rate_max_bps": ("highest delivery rate of a channel", "Gbit/s", 1e9),
    "enobufs_unread_share": ("unread part of optmem at ENOBUFS", "share", 1),
}


def plot_policies(runs: Sequence[Run], ax: Axes | None = None, quantity: str = "goodput_bps") -> Axes:
    """Median over runs of one quantity with its bootstrap interval, one line per policy. UsageError for a `quantity`
    that does not exist."""
    if quantity not in QUANTITIES:
        raise UsageError(f"{quantity!r} is not a quantity to draw", f"choose from {', '.join(QUANTITIES)}")
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs)
    name, unit, scale = _SHOWN.get(quantity, (quantity, QUANTITIES[quantity], 1))
    ax.set_title(name, loc="left", fontsize=11)
    ax.set_xlabel(f"{name} [{unit}], median and {CONFIDENCE_TEXT} interval")
    ax.set_ylabel("policy")
    table = df_policies(runs)
    table = table[(table["quantity"] == quantity) & (table["n"] > 0)]
    if table.empty:
        return say_empty(ax, f"no run has a value for {name}")
    for position, row in enumerate(table.to_dict("records")):
        style = style_of(str(row["policy"]))
        median, low, high = (float(row[name]) / scale for name in ("median", "low", "high"))
        ax.plot([median], [position], style.marker, color=style.color, markersize=8)
        if low == low:  # With a single run there is no interval, and both ends are NaN.
            ax.errorbar([median], [position], xerr=[[median - low], [high - median]], ecolor=style.color, capsize=4)
    ax.set_yticks(range(len(table)), [f"{row.policy} (n = {row.n})" for row in table.itertuples()])
    ax.set_ylim(len(table) - 0.4, -0.6)
    highest = float(np.nanmax(table[["median", "high"]].to_numpy(dtype=np.float64))) / scale * 1.08 or 1.0
    ax.set_xlim(-0.02 * highest, highest)
    ax.grid(visible=True, axis="x", color="#DDDDDD", linewidth=0.6)
    return ax


def draw_policies(
    runs: Sequence[Run],
    quantities: Sequence[str] = ("goodput_bps", "sends", "enobufs_count", "stall_ns_total"),
) -> Figure:
    """One panel per quantity, two panels in a row."""
    rows = -(-len(quantities) // 2)
    runs = by_policy(runs)
    policies = len({run.policy for run in runs}) or 1
    figure = new_figure(11, rows * (1.3 + 0.3 * policies) + 0.5)
    axes = list(figure.subplots(rows, 2, squeeze=False).flat)
    for ax, quantity in zip(axes, quantities, strict=False):
        plot_policies(runs, ax, quantity)
        ax.set_title("")
    for ax in axes[len(quantities) :]:
        ax.set_visible(False)
    add_method_line(figure, runs)
    return figure
