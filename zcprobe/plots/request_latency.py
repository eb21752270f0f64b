# SPDX-License-Identifier: GPL-2.0-only
"""How long requests took, from their first byte to the response."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zcprobe.analysis.request_latency import iterate_request_latency
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.style import style_of
from zcprobe.plots.words import counted
from zcprobe.units import format_duration_ns

__all__ = ["plot_request_latency"]

_POINTS = 500
_MARKERS = 12


def plot_request_latency(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """Distribution over all requests of a policy's runs, on a logarithmic axis. The legend has p50 and p99."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs)
    ax.set_title("From a request's first byte to its response", loc="left", fontsize=11)
    ax.set_xlabel("latency [ms] (logarithmic)")
    ax.set_ylabel("share of requests not longer")
    drawn = 0
    for policy in dict.fromkeys(run.policy for run in runs):
        own = [run for run in runs if run.policy == policy]
        parts = [part["latency_ns"].to_numpy() for run in own for part in iterate_request_latency(run)]
        values = np.concatenate([np.empty(0, np.int64), *parts])
        drawn += len(values)
        if len(values):
            _draw(ax, policy, values, len(own))
    if not drawn:
        return say_empty(ax, "no request was recorded: the traffic was not rpc, or these runs kept only counts")
    ax.set_xscale("log")
    ax.set_ylim(0, 1.03)
    ax.grid(visible=True, which="major", color="#DDDDDD", linewidth=0.6)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False, fontsize=8.5)
    return ax


def _draw(ax: Axes, policy: str, values: NDArray[np.int64], run_count: int) -> None:
    style = style_of(policy)
    share = np.linspace(0, 1, min(_POINTS, len(values)))
    p50, p99 = (format_duration_ns(value) for value in np.quantile(values, [0.5, 0.99]))
    label = f"{policy}: p50 {p50}, p99 {p99}; n = {counted(len(values), 'request')} in {counted(run_count, 'run')}"
    ax.plot(
        np.quantile(values, share) / 1e6,
        share,
        color=style.color,
        linestyle=style.linestyle,
        marker=style.marker,
        markevery=max(len(share) // _MARKERS, 1),
        label=label,
    )
