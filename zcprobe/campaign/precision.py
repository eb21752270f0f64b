# SPDX-License-Identifier: GPL-2.0-only
"""Whether the medians of a campaign are known as precisely as was asked for."""

from collections.abc import Sequence

from zcprobe.format.campaign import Point

__all__ = ["relative_width", "widest_point"]

_FEWEST = 5
"""Runs below which an interval of their median says nothing: its ends are then nearly always the extremes."""


def relative_width(values: list[float]) -> float | None:
    """The larger distance of an end of the interval of the median from the median, as a share of the median; None where
    there are too few values. A median of zero has no share, and counts as known."""
    if len(values) < _FEWEST:
        return None
    from zcprobe.analysis.policies import estimate_median  # scipy takes long to import; only precision needs it here

    found = estimate_median(values)
    if not found.median or found.low is None or found.high is None:
        return 0.0
    return max(found.high - found.median, found.median - found.low) / found.median


def widest_point(points: Sequence[Point], precision: float) -> tuple[Point, float | None] | None:
    """The point whose goodput is known least precisely, with that width; None if all are as precise as was asked for.

    A point that has no run with a goodput cannot become more precise, and is left out.
    """
    wide: list[tuple[float, Point, float | None]] = []
    for point in points:
        values = [run.goodput_bps for run in point.runs if run.is_counted and run.goodput_bps is not None]
        width = relative_width(values)
        if values and (width is None or width > precision):
            wide.append((float("inf") if width is None else width, point, width))
    if not wide:
        return None
    _, point, width = max(wide, key=lambda one: one[0])
    return point, width
