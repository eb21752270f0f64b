# SPDX-License-Identifier: GPL-2.0-only
"""The noise of the machine: how far runs that were made alike lie apart.

Each run of a point is compared with the run of the same point in the next block. Nothing but the machine differs
between the two, so these are A/A comparisons, and they were made during the same minutes as the runs that they judge.
"""

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np
from scipy import stats

from zcprobe.format.intervals import CONFIDENCE

__all__ = ["Values", "a_a_differences", "noise_of"]

Values = Mapping[int, float]
"""Block -> value of a point's run, on the quantity's scale. A block whose run has none is missing."""


def a_a_differences(values: Values) -> list[float]:
    """Each value minus the value in the block before, for blocks that follow each other."""
    return [value - values[block - 1] for block, value in sorted(values.items()) if block - 1 in values]


def noise_of(points: Sequence[Values], reference_count: int, candidate_count: int) -> float | None:
    """The size that 95 % of the differences between two points of so many runs stay below if nothing but the machine
    differs; on the scale of the values. None where no two runs were made alike.

    The standard deviation of a run follows from the A/A differences of all points together. Student's t accounts for
    their number, of which only differences without a run in common count.
    """
    differences = [difference for values in points for difference in a_a_differences(values)]
    freedom = sum((len(a_a_differences(values)) + 1) // 2 for values in points)
    if not differences:
        return None
    deviation = sqrt(float(np.mean(np.square(differences))) / 2)
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))
    return quantile * deviation * sqrt(1 / reference_count + 1 / candidate_count)
