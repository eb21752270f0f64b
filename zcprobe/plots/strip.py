# SPDX-License-Identifier: GPL-2.0-only
"""Draws one quantity of many runs: a column per policy with a point for each run, the median and its interval."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zcprobe.analysis.policies import estimate_median
from zcprobe.format.intervals import CONFIDENCE
from zcprobe.plots.style import style_of
from zcprobe.plots.words import counted

__all__ = ["HOLLOW", "draw_strip", "strip_title"]

HOLLOW = "hollow points: runs that did not complete"
_SPREAD = 0.36


def strip_title(quantity: str) -> str:
    return f"{quantity}: each run, median and its {CONFIDENCE:.0%} bootstrap interval"


def draw_strip(ax: Axes, table: pd.DataFrame, column: str, scale: float = 1.0) -> Axes:
    """Draws `column` / `scale` of each row of a table that has `policy` and `outcome`. The policies stand in the order
    of the table."""
    labels = []
    for position, (policy, own) in enumerate(table.groupby("policy", sort=False)):
        _draw_policy(ax, position, str(policy), own, own[column].to_numpy(dtype=np.float64) / scale)
        completed = int((own["outcome"] == "completed").sum())
        labels.append(f"{policy}\nn = {counted(len(own), 'run')}\n{completed} completed")
    ax.set_xticks(range(len(labels)), labels, fontsize=9)
    ax.set_xlim(-0.6, len(labels) - 0.4)
    ax.set_ylim(0, float(np.nanmax(table[column].to_numpy(dtype=np.float64), initial=0)) / scale * 1.12 or 1.0)
    return ax


def _draw_policy(ax: Axes, position: int, policy: str, own: pd.DataFrame, values: NDArray[np.float64]) -> None:
    style = style_of(policy)
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
    _draw_estimate(ax, position + 0.28, [float(value) for value in values if np.isfinite(value)], style.color)


def _draw_estimate(ax: Axes, at: float, values: list[float], color: str) -> None:
    estimate = estimate_median(values)
    if estimate.median is not None:
        ax.plot([at - 0.08, at + 0.08], [estimate.median] * 2, color=color, linewidth=2.5)
    if estimate.low is not None and estimate.high is not None:
        middle = (estimate.low + estimate.high) / 2
        ax.errorbar(at, middle, yerr=(estimate.high - estimate.low) / 2, fmt="none", ecolor=color, capsize=4)
