# SPDX-License-Identifier: GPL-2.0-only
"""Medians over runs with their intervals; in words they are the same in tables, reports and figures."""

from collections.abc import Callable

import msgspec

__all__ = ["CONFIDENCE", "CONFIDENCE_TEXT", "Estimate", "interval_text"]

CONFIDENCE = 0.95
"""The probability with which the interval of a median covers the median of all runs that could be made."""

CONFIDENCE_TEXT = f"{100 * CONFIDENCE:g} %"


class Estimate(msgspec.Struct, frozen=True):
    """Median of `n` runs and its 95 % bootstrap interval. A value that needs more runs is None."""

    n: int
    median: float | None
    low: float | None
    high: float | None


def interval_text(
    median: float | None, low: float | None, high: float | None, show: Callable[[float], str], between: str = ".."
) -> str:
    """`1.2 [1.1 .. 1.3]`: the median and its interval. `1.2` where the interval is not known, `-` without a median."""
    if median is None:
        return "-"
    if low is None or high is None:
        return show(median)
    return f"{show(median)} [{show(low)} {between} {show(high)}]"
