# SPDX-License-Identifier: GPL-2.0-only
"""How long sends held their pages: in the kernel, and until the sender knew."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zcprobe.analysis.completion_latency import iterate_completion_latency
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.style import style_of
from zcprobe.plots.words import counted
from zcprobe.units import format_duration_ns

__all__ = ["plot_completion_latency"]

_POINTS = 500


def plot_completion_latency(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """Distribution over all sends of a policy's runs on a logarithmic axis. The thick line is the time until the
    notification was read, the thin dotted one the time until the kernel had completed the send. Between the two lines
    the notification was unread."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs)
    ax.set_title("From a send's start to its completion", loc="left", fontsize=11)
    ax.set_xlabel("latency [ms] (logarithmic); thick: notification read, thin dotted: completed in the kernel")
    ax.set_ylabel("share of sends not longer")
    drawn = 0
    for policy in dict.fromkeys(run.policy for run in runs):
        own = [run for run in runs if run.policy == policy]
        for name, values in _latencies(own).items():
            drawn += len(values)
            _draw(ax, policy, name, values, len(own))
    if not drawn:
        return say_empty(ax, "no completion can be matched to its send: sends or notifications were not recorded")
    ax.set_xscale("log")
    ax.set_ylim(0, 1.03)
    ax.grid(visible=True, which="major", color="#DDDDDD", linewidth=0.6)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False, fontsize=8.5)
    return ax


def _latencies(runs: Sequence[Run]) -> dict[str, NDArray[np.float64]]:
    """Column -> the known latencies of all sends, in ns, ascending."""
    known: dict[str, list[NDArray[np.float64]]] = {"latency_ns": [], "kernel_latency_ns": []}
    for run in runs:
        for part in iterate_completion_latency(run):
            for name, values in known.items():
                values.append(part[name].dropna().to_numpy())
    return {name: np.sort(np.concatenate([np.empty(0), *values])) for name, values in known.items()}


def _draw(ax: Axes, policy: str, name: str, values: NDArray[np.float64], run_count: int) -> None:
    """Draws one line; `values` are in ns and ascending."""
    if not len(values):
        return
    style = style_of(policy)
    share = np.linspace(0, 1, min(_POINTS, len(values)))
    quantiles = np.maximum(np.quantile(values, share), 1) / 1e6
    if name == "kernel_latency_ns":
        ax.plot(quantiles, share, color=style.color, linewidth=1.0, linestyle=":")
        return
    p50, p99 = (format_duration_ns(value) for value in np.quantile(values, [0.5, 0.99]))
    label = f"{policy}: p50 {p50}, p99 {p99}; n = {counted(len(values), 'send')} in {counted(run_count, 'run')}"
    every = max(len(share) // 12, 1)
    ax.plot(quantiles, share, style.linestyle, color=style.color, marker=style.marker, markevery=every, label=label)
