"""The order in which notifications came: in order, ahead over a hole, or late into one."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.ranges import df_ranges
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty

__all__ = ["plot_ranges"]

_PARTS: dict[str, dict[str, Any]] = {
    "in order": {"color": "#666666", "marker": ".", "markersize": 5},
    "skips a hole": {"color": "#0072B2", "marker": "^", "markersize": 5},
    "late, fills a hole": {"color": "#D55E00", "marker": "v", "markersize": 5},
}


def plot_ranges(run: Run, ax: Axes | None = None) -> Axes:
    """One mark per notification read: the first send of its range, and how far that lies from the next one expected."""
    ax = axes_or_new(ax, [run])
    table = df_ranges(run)
    ax.set_title(f"{run.policy}: order of {len(table):,} notifications", loc="left")
    ax.set_xlabel("first send of the notification (send_id)")
    ax.set_ylabel("distance from the next expected\n[sends, symmetric logarithmic]")
    if table.empty:
        return say_empty(ax, "no notification was read, or none was recorded")
    distance = table["distance"]
    chosen = {"in order": distance == 0, "skips a hole": distance > 0, "late, fills a hole": distance < 0}
    for name, rows in chosen.items():
        _draw(ax, table[rows], name)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_yscale("symlog", linthresh=1)
    farthest = max(10.0, float(distance.abs().max()) * 3)
    ax.set_ylim(-farthest, farthest)
    covered = table["send_count"].sum() / len(table)
    ax.legend(title=f"{covered:.1f} sends per notification", loc="upper left", fontsize=8, title_fontsize=8, ncols=3)
    return ax


def _draw(ax: Axes, table: pd.DataFrame, name: str) -> None:
    ax.plot(table["lo"], table["distance"], linestyle="none", label=f"{name}: {len(table):,}", **_PARTS[name])
