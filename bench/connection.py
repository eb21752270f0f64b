# SPDX-License-Identifier: GPL-2.0-only
"""How the benchmarks pair their blocks and print their results."""

from collections.abc import Callable

from zcprobe.analysis.policies import estimate_median
from zcprobe.overhead.connection import ratios_to

__all__ = ["describe", "on_connections", "pair_ratios"]


def pair_ratios(sides: dict[str, Callable[[], float]], pairs: int) -> list[float]:
    """Ratios of the side `on` to the side `off`, one for each pair."""
    return ratios_to("off", sides, pairs)["on"]


def on_connections(count: int, measure: Callable[[], list[float]]) -> list[float]:
    """All ratios that `measure` finds on `count` connections, one after another."""
    return [ratio for _ in range(count) for ratio in measure()]


def describe(what: str, size: int, bound: float, ratios: list[float]) -> str:
    estimate = estimate_median(ratios)
    word = "ok" if (estimate.median or 0) >= bound else "BELOW"
    spread = f"[{estimate.low:.3f} .. {estimate.high:.3f}], rounds {min(ratios):.2f} to {max(ratios):.2f}"
    return f"{what:<20}{size:>7} B  {estimate.median:.3f} {spread}  bound {bound:.2f}  {word}"
