"""How long each reading of the error queue took, by what started it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.flushes import df_flushes
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.style import style_of
from zcprobe.units import format_duration_ns

__all__ = ["plot_flushes"]

_TRIGGERS = {
    "enobufs": "the answer to ENOBUFS",
    "periodic": "before anything failed",
    "reuse": "a buffer is wanted again",
    "explicit": "at a round's end",
    "settle": "after the outcome",
}
_MOST_POINTS = 2000
_FASTEST_MS = 1e-4


def plot_flushes(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """A line of points per policy and trigger, all runs together, with the median; filled: it waited. Logarithmic."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs)
    ax.set_title("Reading the error queue: how long each flush took", loc="left", fontsize=11)
    ax.set_xlabel("duration [ms] (logarithmic); filled: it waits; bar: median")
    ax.set_ylabel("policy and trigger")
    tables = [df_flushes(run).assign(policy=run.policy) for run in runs]
    tables = [table for table in tables if len(table)]
    if not tables:
        return say_empty(ax, "no run read its error queue, or no flush was recorded")
    found = pd.concat(tables, ignore_index=True)
    groups = list(found.groupby(["policy", "trigger"], sort=False))
    labels = [_draw_group(ax, position, own) for position, (_, own) in enumerate(groups)]
    ax.set_xscale("log")
    ax.set_yticks(range(len(labels)), labels, fontsize=9)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.grid(visible=True, axis="x", which="major", color="#DDDDDD", linewidth=0.6)
    return ax


def _draw_group(ax: Axes, position: int, own: pd.DataFrame) -> str:
    policy, trigger = str(own["policy"].iloc[0]), str(own["trigger"].iloc[0])
    style = style_of(policy)
    shown = own.iloc[:: -(-len(own) // _MOST_POINTS)]
    at = position + 0.5 * (np.arange(len(shown)) % 7 / 7 - 3 / 7)
    milliseconds = (shown["duration_ns"] / 1e6).clip(lower=_FASTEST_MS).to_numpy()
    waited = shown["blocking"].to_numpy()
    for chosen, face in ((waited, style.color), (~waited, "none")):
        ax.plot(
            milliseconds[chosen],
            at[chosen],
            linestyle="none",
            marker=style.marker,
            markersize=5,
            markerfacecolor=face,
            markeredgecolor=style.color,
        )
    median_ns = float(own["duration_ns"].median())
    ax.plot([max(median_ns / 1e6, _FASTEST_MS)] * 2, [position - 0.36, position + 0.36], color="black", linewidth=2)
    name = _TRIGGERS.get(trigger, trigger)
    return f"{policy}: {name}\nn = {len(own):,}, p50 {format_duration_ns(median_ns)}"
