# SPDX-License-Identifier: GPL-2.0-only
"""The order of the notifications: each came in order, skipped a hole, or filled a hole late."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.ranges import iterate_ranges
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty

__all__ = ["plot_ranges"]

_MOST_MARKS = 20_000
_PLACES_ACROSS = 400
_PLACES_PER_DOUBLING = 8

_PARTS: dict[str, dict[str, Any]] = {
    "in order": {"color": "#666666", "marker": ".", "markersize": 5},
    "skips a hole": {"color": "#0072B2", "marker": "^", "markersize": 5},
    "late, fills a hole": {"color": "#D55E00", "marker": "v", "markersize": 5},
}


def plot_ranges(run: Run, ax: Axes | None = None) -> Axes:
    """One mark per notification read: the first send of its range, and how far that lies from the next one expected.
    When there are very many notifications, all in the same place share one mark."""
    ax = axes_or_new(ax, [run])
    total = run.row_count("notifications")
    ax.set_title(f"{run.policy}: order of {total:,} notifications", loc="left")
    ax.set_xlabel("first send of the notification (send_id)")
    ax.set_ylabel("distance from the next expected\n[sends, symmetric logarithmic]")
    marks = {name: _Marks() for name in _PARTS}
    sends = 0
    for part in iterate_ranges(run):
        sends += int(part["send_count"].sum())
        for name, rows in _parts_of(part["distance"]).items():
            marks[name].add(part[rows], run, thin=total > _MOST_MARKS)
    if not total:
        return say_empty(ax, "no notification was read, or none was recorded")
    for name, own in marks.items():
        places = np.array(list(own.places)).reshape(-1, 2)
        ax.plot(*places.T, linestyle="none", label=f"{name}: {own.count:,}", **_PARTS[name])
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_yscale("symlog", linthresh=1)
    farthest = max(10.0, max(own.farthest for own in marks.values()) * 3)
    ax.set_ylim(-farthest, farthest)
    ax.legend(
        title=f"{sends / total:.1f} sends per notification", loc="upper left", fontsize=8, title_fontsize=8, ncols=3
    )
    return ax


def _parts_of(distance: "pd.Series[int]") -> dict[str, "pd.Series[bool]"]:
    return dict(zip(_PARTS, (distance == 0, distance > 0, distance < 0), strict=True))


class _Marks:
    """The places of notifications, each once. A place is (first send, distance)."""

    def __init__(self) -> None:
        self.count = 0
        self.farthest = 0
        self.places: dict[tuple[int, int], None] = {}

    def add(self, table: pd.DataFrame, run: Run, *, thin: bool) -> None:
        """Adds the rows of `table`. With `thin`, places are rounded to 400 across and to eight for each doubling of the
        distance."""
        lo, distance = table["lo"].to_numpy(), table["distance"].to_numpy()
        self.count += len(table)
        self.farthest = max(self.farthest, int(np.abs(distance).max(initial=0)))
        if thin:
            across = max(int(run.sender.sends) // _PLACES_ACROSS, 1)
            lo = lo // across * across
            steps = np.round(np.log2(np.maximum(np.abs(distance), 1)) * _PLACES_PER_DOUBLING)
            distance = np.sign(distance) * np.round(2.0 ** (steps / _PLACES_PER_DOUBLING)).astype(np.int64)
        pairs = np.unique(np.column_stack([lo, distance]), axis=0) if thin else np.column_stack([lo, distance])
        self.places |= dict.fromkeys(map(tuple, pairs.tolist()))
