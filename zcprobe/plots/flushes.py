# SPDX-License-Identifier: GPL-2.0-only
"""How long each reading of the error queue took, by what started it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from zcprobe.analysis.flushes import FlushLengths, flush_lengths, joined
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
    """One line of points per policy and trigger, all runs together, on a logarithmic axis. A bar marks the median.
    Filled points are flushes that waited."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs)
    ax.set_title("Reading the error queue: how long each flush took", loc="left", fontsize=11)
    ax.set_xlabel("duration [ms] (logarithmic); filled: it waits; bar: median")
    ax.set_ylabel("policy and trigger")
    groups: dict[tuple[str, str], list[FlushLengths]] = {}
    for run in runs:
        for trigger, lengths in flush_lengths(run).items():
            groups.setdefault((run.policy, trigger), []).append(lengths)
    if not groups:
        return say_empty(ax, "no run read its error queue, or no flush was recorded")
    labels = [
        _draw_group(ax, position, policy, trigger, joined(own))
        for position, ((policy, trigger), own) in enumerate(groups.items())
    ]
    ax.set_xscale("log")
    ax.set_yticks(range(len(labels)), labels, fontsize=9)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.grid(visible=True, axis="x", which="major", color="#DDDDDD", linewidth=0.6)
    return ax


def _draw_group(ax: Axes, position: int, policy: str, trigger: str, own: FlushLengths) -> str:
    style = style_of(policy)
    every = -(-len(own.duration_ns) // _MOST_POINTS)
    shown_ns, waited = own.duration_ns[::every], own.blocking[::every]
    at = position + 0.5 * (np.arange(len(shown_ns)) % 7 / 7 - 3 / 7)
    milliseconds = np.maximum(shown_ns / 1e6, _FASTEST_MS)
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
    median_ns = float(np.median(own.duration_ns))
    ax.plot([max(median_ns / 1e6, _FASTEST_MS)] * 2, [position - 0.36, position + 0.36], color="black", linewidth=2)
    name = _TRIGGERS.get(trigger, trigger)
    return f"{policy}: {name}\nn = {len(own.duration_ns):,}, p50 {format_duration_ns(median_ns)}"
