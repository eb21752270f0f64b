"""Goodput of every run, with each policy's median."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.goodput import df_goodput
from zcprobe.analysis.policies import CONFIDENCE, estimate_median
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.style import style_of
from zcprobe.plots.words import counted

__all__ = ["plot_goodput"]

_SPREAD = 0.36


def plot_goodput(runs: list[Run], ax: Axes | None = None) -> Axes:
    """One point per run, hollow when the run did not complete; the median as a bar with its bootstrap interval."""
    ax = axes_or_new(ax)
    table = df_goodput(runs)
    ax.set_title(f"Goodput: each run, median and its {CONFIDENCE:.0%} bootstrap interval", loc="left", fontsize=11)
    ax.set_ylabel("goodput [Gbit/s]")
    ax.set_xlabel("hollow points: runs that ended early, a goodput of a short unhindered start")
    if table.empty:
        return say_empty(ax, "no run was made")
    labels = []
    for position, (policy, own) in enumerate(table.groupby("policy", sort=False)):
        _draw_policy(ax, position, str(policy), own)
        completed = int((own["outcome"] == "completed").sum())
        labels.append(f"{policy}\nn = {counted(len(own), 'run')}, {completed} completed")
    ax.set_xticks(range(len(labels)), labels)
    ax.set_xlim(-0.6, len(labels) - 0.4)
    ax.set_ylim(0, float(table["goodput_bps"].max()) / 1e9 * 1.12 or 1.0)
    return ax


def _draw_policy(ax: Axes, position: int, policy: str, own: pd.DataFrame) -> None:
    style = style_of(policy)
    values = own["goodput_bps"].to_numpy() / 1e9
    spread = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(values)) if len(values) > 1 else np.zeros(1)
    completed = (own["outcome"] == "completed").to_numpy()
    for chosen, face in ((completed, style.color), (~completed, "none")):
        ax.plot(
            position - 0.1 + spread[chosen],
            values[chosen],
            linestyle="none",
            marker=style.marker,
            markersize=8,
            markerfacecolor=face,
            markeredgecolor=style.color,
        )
    estimate = estimate_median([float(value) for value in values])
    at = position + 0.28
    if estimate.median is not None:
        ax.plot([at - 0.08, at + 0.08], [estimate.median] * 2, color=style.color, linewidth=2.5)
    if estimate.low is not None and estimate.high is not None:
        middle = (estimate.low + estimate.high) / 2
        ax.errorbar(at, middle, yerr=(estimate.high - estimate.low) / 2, fmt="none", ecolor=style.color, capsize=4)
