# SPDX-License-Identifier: GPL-2.0-only
"""How long the sender waits when its policy answers ENOBUFS."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zcprobe.analysis.stalls import stall_lengths
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.style import style_of
from zcprobe.plots.words import counted
from zcprobe.units import format_duration_ns

__all__ = ["plot_stalls"]

_MARKERS = 12
_MOST_STEPS = 2000


def plot_stalls(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """Empirical distribution of stall durations on a logarithmic axis, one curve per policy over the stalls of all its
    runs.

    The legend has the number of stalls and runs, p50, p99 and the longest stall.
    """
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs)
    ax.set_title("Stalls: how long a write waits inside its policy", loc="left", fontsize=11)
    ax.set_xlabel("stall duration [ms] (logarithmic)")
    ax.set_ylabel("share of stalls not longer")
    longest = 0.0
    for policy in dict.fromkeys(run.policy for run in runs):
        own = [run for run in runs if run.policy == policy]
        durations = np.sort(np.concatenate([stall_lengths(run) for run in own]))
        _draw_policy(ax, policy, durations, f"{policy}: {_describe(durations)} in {counted(len(own), 'run')}")
        longest = max(longest, float(durations.max(initial=0)))
    if longest == 0:
        if any(run.sender.stall_count for run in runs):
            return say_empty(ax, "no stall was recorded, though there were some: these runs kept only counts")
        return say_empty(ax, "no run stalled: no policy waited or tried again")
    ax.set_xscale("log")
    ax.set_ylim(0, 1.03)
    ax.grid(visible=True, which="major", color="#DDDDDD", linewidth=0.6)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False, fontsize=9)
    return ax


def _describe(durations: NDArray[np.int64]) -> str:
    if len(durations) == 0:
        return "no stalls"
    p50, p99 = np.percentile(durations, [50, 99])
    quantiles = f"p50 {format_duration_ns(p50)}, p99 {format_duration_ns(p99)}, max {format_duration_ns(durations[-1])}"
    return f"{quantiles}; n = {counted(len(durations), 'stall')}"


def _draw_policy(ax: Axes, policy: str, durations: NDArray[np.int64], label: str) -> None:
    """Draws the curve of `durations`, which are in ns and ascending. Without any, it only adds a legend entry."""
    style = style_of(policy)
    shown = np.unique(np.linspace(0, len(durations) - 1, min(len(durations), _MOST_STEPS)).round().astype(np.int64))
    ax.plot(
        durations[shown] / 1e6,
        (shown + 1) / max(len(durations), 1),
        drawstyle="steps-post",
        color=style.color,
        linestyle=style.linestyle if len(durations) else "none",
        marker=style.marker if len(durations) else "none",
        markevery=max(1, len(shown) // _MARKERS),
        label=label,
    )
