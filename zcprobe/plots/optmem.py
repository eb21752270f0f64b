"""A socket's optmem over time: how much of the limit is held, and by whom."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zcprobe.analysis.enobufs import df_enobufs
from zcprobe.analysis.errqueue import df_errqueue
from zcprobe.analysis.stalls import df_stalls
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.downsample import envelope
from zcprobe.plots.style import FILLS, LIMIT
from zcprobe.plots.timeline import TimeAxis, mark_enobufs, mark_outcome, mark_stalls, time_axis
from zcprobe.units import format_bytes, format_duration_ns

__all__ = ["plot_optmem"]

_KIB = 1024
_PAPER = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5}
_HEADROOM = 1.22
"""Of the limit; room above it for its label and the marks of ENOBUFS."""


def plot_optmem(run: Run, ax: Axes | None = None, until_s: float | None = None) -> Axes:
    """Charges of unread notifications and of sends in flight, stacked, in KiB against optmem_max; ENOBUFS, stalls and
    the outcome marked. `until_s` looks closely at the beginning. Without probes only the level is known."""
    ax = axes_or_new(ax)
    table = df_errqueue(run)
    limit = run.summary["optmem_max_bytes"] / _KIB
    axis = time_axis(run, float(table["time_s"].max()) if len(table) else 0.0, until_s)
    ax.set_title(f"{run.policy}: optmem", loc="left")
    ax.set_ylabel("optmem charged [KiB]")
    axis.apply(ax)
    if table.empty:
        return say_empty(ax, "no optmem readings: neither probes nor SO_MEMINFO samples were recorded")
    _draw_level(ax, _visible(table, axis), axis, run.summary["optmem_baseline_bytes"])
    ax.set_ylim(0, limit * _HEADROOM)
    ax.axhline(limit, **LIMIT)
    label = f"limit: optmem_max = {format_bytes(run.summary['optmem_max_bytes'])}"
    ax.text(0.01, limit * 1.02, label, transform=ax.get_yaxis_transform(), fontsize=9, va="bottom", bbox=_PAPER)
    mark_stalls(ax, run, axis)
    mark_enobufs(ax, df_enobufs(run)["time_s"], axis, 1.16 / _HEADROOM)
    mark_outcome(ax, run, axis, label=True)
    if until_s:
        _tell_first_enobufs(ax, run, axis)
    return ax


def _tell_first_enobufs(ax: Axes, run: Run, axis: TimeAxis) -> None:
    """Beside the peak, where there is more room."""
    early = df_enobufs(run)["time_s"].iloc[0] < axis.end_s / 2
    x, align = (0.99, "right") if early else (0.01, "left")
    ax.text(x, 0.78, _first_enobufs(run), transform=ax.transAxes, fontsize=9, va="top", ha=align, bbox=_PAPER)


def _first_enobufs(run: Run) -> str:
    """What the first ENOBUFS was and what it cost, in words."""
    first = df_enobufs(run).iloc[0]
    lines = [f"first ENOBUFS: cause {first['cause']}"]
    if first["cause"].startswith("memlock"):
        lines.append("(RLIMIT_MEMLOCK refused it, not optmem)")
    elif not pd.isna(first["unread_bytes"]):
        held = max(int(first["unread_bytes"] + first["in_flight_bytes"]), 1)
        lines.append(f"{first['unread_bytes'] / held:.0%} unread, {first['in_flight_bytes'] / held:.0%} in flight")
    stalls = df_stalls(run)
    if len(stalls):
        stall = stalls.iloc[0]
        lines.append(f"the stall took {format_duration_ns(stall['duration_ns'])}")
        lines.append(f"and read {int(stall['completion_count']):,} completions")
    return "\n".join(lines)


def _visible(table: pd.DataFrame, axis: TimeAxis) -> pd.DataFrame:
    visible = table[table["time_s"] <= axis.end_s]
    kept = envelope(visible["time_s"].to_numpy(), visible["optmem_bytes"].to_numpy(dtype=np.float64))
    return visible.iloc[kept]


def _held(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """KiB at each row, from an empty start on and up to the axis' end, as steps need it."""
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
