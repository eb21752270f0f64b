# SPDX-License-Identifier: GPL-2.0-only
"""The difference between the runs of two points: its size, its interval, and how likely chance makes one as large.

The run is the unit. The runs of two points are paired by the block in which they were made, because a machine drifts.
The statistic is the mean of the differences, on the scale that the caller chose: of logarithms for a ratio.
"""

from collections.abc import Callable, Sequence
from math import comb, sqrt
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from zcprobe.format.intervals import CONFIDENCE

__all__ = [
    "SIGNS_FROM",
    "Difference",
    "mean_interval",
    "paired_difference",
    "share_interval",
    "unpaired_difference",
    "wilson_interval",
]

SIGNS_FROM = 11
"""From so many blocks on, the two runs of a block are exchanged and never runs of different blocks. With n blocks that
gives no p-value below 2 / 2^n, and 11 blocks are the first that reach 0.001. With fewer blocks, runs are exchanged
across blocks, which reaches 2 / C(2n, n): 0.008 with 5 blocks. That test is conservative where the machine drifts."""

_RESAMPLES = 9999
_SEED = 1

Values = NDArray[np.float64]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Candidate minus reference. `low` and `high` are the ends of the 95 % interval, None with a single run of either.

    `p`: the two-sided p-value of a permutation test; `least_p`: the smallest that so few runs can give. `test`: what
    the test exchanges, the two runs of a block (`blocks`) or any runs (`runs`). `method`: of the bootstrap, which is
    BCa unless the values have too few different ones for it. `is_constant`: all values are equal, so that nothing was
    tested.
    """

    reference_count: int
    candidate_count: int
    effect: float
    low: float | None
    high: float | None
    p: float
    least_p: float
    test: Literal["blocks", "runs"]
    method: Literal["BCa", "percentile", "none"]
    is_constant: bool


def paired_difference(reference: Sequence[float], candidate: Sequence[float]) -> Difference:
    """The difference of two points whose runs at the same place were made in the same block. ValueError for lists of
    different lengths, or empty ones."""
    first, second = np.asarray(reference, np.float64), np.asarray(candidate, np.float64)
    if not len(first) or len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} runs cannot be paired")
    test: Literal["blocks", "runs"] = "blocks" if len(first) >= SIGNS_FROM else "runs"
    return _difference(first, second, test, (second - first,))


def unpaired_difference(reference: Sequence[float], candidate: Sequence[float]) -> Difference:
    """The difference of two points that were not made in the same blocks. ValueError for an empty list."""
    first, second = np.asarray(reference, np.float64), np.asarray(candidate, np.float64)
    if not len(first) or not len(second):
        raise ValueError(f"{len(first)} and {len(second)} runs cannot be compared")
    return _difference(first, second, "runs", (second, first))


def _difference(
    first: Values, second: Values, test: Literal["blocks", "runs"], samples: tuple[Values, ...]
) -> Difference:
    low, high, method = mean_interval(samples)
    return Difference(
        reference_count=len(first),
        candidate_count=len(second),
        effect=float(second.mean() - first.mean()),
        low=low,
        high=high,
        p=_p_value(first, second, test),
        least_p=_least_p(len(first), len(second), test),
        test=test,
        method=method,
        is_constant=len(np.unique(np.concatenate([first, second]))) == 1,
    )


def _mean(values: Values, axis: int = -1) -> Values:
    return np.asarray(np.mean(values, axis=axis))


def _mean_difference(first: Values, second: Values, axis: int = -1) -> Values:
    return np.asarray(np.mean(first, axis=axis) - np.mean(second, axis=axis))


def _p_value(first: Values, second: Values, test: Literal["blocks", "runs"]) -> float:
    """By scipy.stats.permutation_test: exact where there are fewer exchanges than resamples."""
    if len(first) == len(second) == 1 or len(np.unique(np.concatenate([first, second]))) == 1:
        return 1.0
    found = stats.permutation_test(
        (second, first),
        _mean_difference,
        permutation_type="samples" if test == "blocks" else "independent",
        vectorized=True,
        n_resamples=_RESAMPLES,
        rng=np.random.default_rng(_SEED),
    )
    return float(found.pvalue)


def _least_p(first: int, second: int, test: Literal["blocks", "runs"]) -> float:
    ways = 2**first if test == "blocks" else comb(first + second, first)
    return min(1.0, 2 / min(ways, _RESAMPLES + 1))


def mean_interval(
    samples: tuple[Values, ...],
) -> tuple[float | None, float | None, Literal["BCa", "percentile", "none"]]:
    """The bootstrap interval of the mean of one sample, or of the difference of the means of two."""
    if min(len(sample) for sample in samples) < 2:
        return None, None, "none"
    statistic: Callable[..., Values] = _mean if len(samples) == 1 else _mean_difference
    if all(np.ptp(sample) == 0 for sample in samples):
        value = float(statistic(*samples))
        return value, value, "none"
    # BCa asks how the statistic changes when one run is left out: a sample with a single value has no answer
    method: Literal["BCa", "percentile"] = "percentile" if any(np.ptp(sample) == 0 for sample in samples) else "BCa"
    found = stats.bootstrap(
        samples,
        statistic,
        confidence_level=CONFIDENCE,
        n_resamples=_RESAMPLES,
        method=method,
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return float(found.low), float(found.high), method


def share_interval(reference: Sequence[float], candidate: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the difference of two shares, from runs that are 0 or 1: Newcombe's, from Wilson's interval
    of each share (Statistics in Medicine 17, 1998, method 10). Five of five against none of five is not certain, which
    a bootstrap would say."""
    (low_1, share_1, high_1), (low_2, share_2, high_2) = wilson_interval(reference), wilson_interval(candidate)
    change = share_2 - share_1
    low = change - sqrt((share_2 - low_2) ** 2 + (high_1 - share_1) ** 2)
    high = change + sqrt((high_2 - share_2) ** 2 + (share_1 - low_1) ** 2)
    return low, high


def wilson_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The share of values that are 1, from values that are 0 or 1, between the ends of its 95 % interval."""
    count = round(sum(values))
    interval = stats.binomtest(count, len(values)).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), count / len(values), float(interval.high)
