# SPDX-License-Identifier: GPL-2.0-only
"""A socket's optmem over time: how much of the limit is held, and by whom."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from zcprobe.analysis.channels import baseline_bytes, channel_count
from zcprobe.analysis.enobufs import first_enobufs
from zcprobe.analysis.optmem import df_optmem, telling_channel
from zcprobe.analysis.stalls import first_stall
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.style import FILLS, LIMIT, PAPER
from zcprobe.plots.timeline import (
    TimeAxis,
    add_timeline_legend,
    mark_enobufs,
    mark_outcome,
    mark_stalls,
    span_edges_s,
    time_axis,
)
from zcprobe.units import format_bytes, format_duration_ns

__all__ = ["explain_first_enobufs", "plot_optmem"]

_KIB = 1024
_HEADROOM = 1.22
"""The height of the axes in limits. The room above the limit is for its label and the marks of ENOBUFS."""


def plot_optmem(
    run: Run,
    ax: Axes | None = None,
    until_s: float | None = None,
    channel: int | None = None,
    *,
    explain: bool | None = None,
) -> Axes:
    """Charges of unread notifications and of sends in flight, stacked, in KiB, against optmem_max. ENOBUFS, stalls and
    the outcome are marked. Every socket has a limit of its own, so the figure shows one channel: `channel`, or the one
    that `telling_channel` chooses. `until_s` ends the time axis; then, or with `explain`, the title says what the first
    ENOBUFS was. Without probes only the level is known."""
    alone, ax = ax is None, axes_or_new(ax, [run])
    channel = telling_channel(run) if channel is None else channel
    table = df_optmem(run, channel, span_edges_s(run, until_s))
    limit = run.kernel.optmem_max_bytes / _KIB
    axis = time_axis(run, float(table["time_s"].max()) if len(table) else 0.0, until_s)
    of = f", channel {channel} of {channel_count(run)}" if channel_count(run) > 1 else ""
    ax.set_title(f"{run.policy}: optmem{of}", loc="left")
    ax.set_ylabel("optmem charged [KiB]")
    axis.apply(ax)
    if table.empty:
        return say_empty(ax, "no optmem readings: neither probes nor SO_MEMINFO samples were recorded")
    _draw_level(ax, table[table["time_s"] <= axis.end_s], axis, baseline_bytes(run, channel))
    ax.set_ylim(0, limit * _HEADROOM)
    ax.axhline(limit, **LIMIT)
    label = f"limit: optmem_max = {format_bytes(run.kernel.optmem_max_bytes)}"
    ax.text(0.01, limit * 1.02, label, transform=ax.get_yaxis_transform(), fontsize=9, va="bottom", bbox=PAPER)
    mark_stalls(ax, run, axis, channel)
    mark_enobufs(ax, run, axis, 1.16 / _HEADROOM, channel)
    mark_outcome(ax, run, axis, channel, label=True)
    if alone:
        limit_line = Line2D([], [], label="limit (optmem_max)", **LIMIT)
        add_timeline_legend(ax, ("unread", "in_flight", "stall", "settling"), [limit_line])
    explained = until_s is not None if explain is None else explain
    if explained and (words := explain_first_enobufs(run, channel, axis.end_s)):
        ax.set_title(f"{ax.get_title(loc='left')}\n{words}", loc="left", fontsize=10)
    return ax


def explain_first_enobufs(run: Run, channel: int, before_s: float) -> str:
    """One or two lines that say what the channel's first ENOBUFS was and what its flush cost; empty when there was none
    before `before_s`."""
    first, stall = first_enobufs(run, channel), first_stall(run, channel)
    if first is None or first["time_s"] >= before_s:
        return ""
    text = f"first ENOBUFS after {format_duration_ns(float(first['time_s']) * 1e9)}: {first['cause']}"
    if first["cause"].startswith("memlock"):
        text += " (RLIMIT_MEMLOCK refused it, not optmem)"
    elif not pd.isna(first["unread_bytes"]):
        held = max(int(first["unread_bytes"] + first["in_flight_bytes"]), 1)
        text += f", {first['unread_bytes'] / held:.0%} unread, {first['in_flight_bytes'] / held:.0%} in flight"
    if stall is not None:
        took, read = format_duration_ns(stall["duration_ns"]), stall["completion_count"]
        text += f"\nthe answer to it took {took} and read {read:,} completions"
    return text


def _held(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """KiB at each row, with a 0 before the first and the last repeated up to the end of the axis, as steps need it."""
    values = table[name].to_numpy(dtype=np.float64, na_value=np.nan) / _KIB
    return np.concatenate([[0.0], values, values[-1:]])


def _draw_level(ax: Axes, table: pd.DataFrame, axis: TimeAxis, baseline_bytes: int) -> None:
    time = np.concatenate([[0.0], table["time_s"].to_numpy() * axis.per_s, [axis.end_s * axis.per_s]])
    baseline = baseline_bytes / _KIB
    if table["unread_bytes"].isna().all():
        ax.step(time, _held(table, "optmem_bytes"), where="post", color="#333333", label="level; holders unknown")
        ax.text(0.5, 0.08, "no probes: level only", transform=ax.transAxes, ha="center", fontsize=9)
        return
    unread = baseline + _held(table, "unread_bytes")
    level = unread + _held(table, "in_flight_bytes")
    ax.fill_between(time, baseline, unread, step="post", label=FILLS["unread"].label, **FILLS["unread"].arguments())
    ax.fill_between(time, unread, level, step="post", label=FILLS["in_flight"].label, **FILLS["in_flight"].arguments())
    ax.step(time, level, where="post", color="#333333", linewidth=0.6)
