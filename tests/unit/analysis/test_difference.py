# SPDX-License-Identifier: GPL-2.0-only
from itertools import combinations, product
from statistics import mean

import numpy as np
import pytest

from zcprobe.analysis.difference import SIGNS_FROM, paired_difference, share_interval, unpaired_difference

LEFT = [3.1, 2.9, 3.3, 3.0, 3.2]
RIGHT = [3.9, 3.0, 4.1, 3.6, 4.0]


def by_runs(first: list[float], second: list[float]) -> float:
    """The two-sided p-value, by going through every choice of runs."""
    together, observed = first + second, mean(second) - mean(first)
    found = []
    for chosen in combinations(range(len(together)), len(first)):
        rest = [value for at, value in enumerate(together) if at not in chosen]
        found.append(mean(rest) - mean(together[at] for at in chosen))
    above = sum(value >= observed - 1e-12 for value in found) / len(found)
    below = sum(value <= observed + 1e-12 for value in found) / len(found)
    return min(1.0, 2 * min(above, below))


def test_the_effect_is_the_mean_of_the_differences_and_lies_in_its_interval() -> None:
    found = paired_difference(LEFT, RIGHT)
    assert found.effect == pytest.approx(mean(RIGHT) - mean(LEFT))
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.effect < found.high
    assert found.method == "BCa"


def test_pairing_takes_away_what_both_runs_of_a_block_share() -> None:
    drift = [0.0, 10.0, 20.0, 30.0, 40.0]
    left = [value + more for value, more in zip(LEFT, drift, strict=True)]
    right = [value + more for value, more in zip(RIGHT, drift, strict=True)]
    paired, unpaired = paired_difference(left, right), unpaired_difference(left, right)
    assert paired.low == pytest.approx(paired_difference(LEFT, RIGHT).low)
    assert unpaired.low is not None
    assert unpaired.low < -5


def test_few_blocks_exchange_runs_and_the_p_value_is_exact() -> None:
    found = paired_difference(LEFT, RIGHT)
    assert found.test == "runs"
    assert found.p == pytest.approx(by_runs(LEFT, RIGHT))
    assert found.least_p == pytest.approx(2 / 252)


def test_many_blocks_exchange_the_two_runs_of_a_block() -> None:
    random = np.random.default_rng(5)
    left = list(random.normal(0, 1, SIGNS_FROM))
    right = [value + change for value, change in zip(left, random.normal(0.4, 0.5, SIGNS_FROM), strict=True)]
    change = np.subtract(right, left)
    flips = [float(np.mean(change * signs)) for signs in product((1, -1), repeat=SIGNS_FROM)]
    above = sum(value >= change.mean() - 1e-12 for value in flips) / len(flips)
    found = paired_difference(left, right)
    assert found.test == "blocks"
    assert found.p == pytest.approx(2 * above)
    assert found.least_p == pytest.approx(2 / 2**SIGNS_FROM)


def test_unpaired_points_may_have_different_numbers_of_runs() -> None:
    found = unpaired_difference(LEFT, RIGHT[:3])
    assert (found.reference_count, found.candidate_count) == (5, 3)
    assert found.p == pytest.approx(by_runs(LEFT, RIGHT[:3]))


def test_equal_values_are_nothing_to_test() -> None:
    found = paired_difference([8971.0] * 5, [8971.0] * 5)
    assert (found.effect, found.low, found.high, found.p, found.is_constant) == (0, 0, 0, 1, True)


def test_a_constant_beside_values_that_vary_has_an_interval_all_the_same() -> None:
    found = unpaired_difference([0.0] * 5, RIGHT)
    assert found.method == "percentile"
    assert found.low is not None
    assert 3.0 < found.low < found.effect


def test_one_run_of_each_shows_nothing() -> None:
    found = paired_difference([1.0], [2.0])
    assert (found.low, found.high, found.p, found.least_p) == (None, None, 1, 1)


@pytest.mark.parametrize(("left", "right"), [([], []), ([1.0], []), ([1.0, 2.0], [1.0])])
def test_lists_that_cannot_be_paired_are_refused(left: list[float], right: list[float]) -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_difference(left, right)


def test_five_of_five_against_none_of_five_is_not_certain() -> None:
    # Newcombe (1998), table II, case (g): 10/10 against 0/10 by method 10 is 0.6075 .. 1
    low, high = share_interval([0.0] * 10, [1.0] * 10)
    assert low == pytest.approx(0.6075, abs=5e-5)
    assert high == pytest.approx(1)
    assert share_interval([0.0] * 5, [1.0] * 5)[0] < low


def test_the_interval_of_shares_is_that_of_newcombe() -> None:
    # the same table, case (a): 56/70 against 48/80 is 0.0524 .. 0.3339
    low, high = share_interval([1.0] * 48 + [0.0] * 32, [1.0] * 56 + [0.0] * 14)
    assert [low, high] == pytest.approx([0.0524, 0.3339], abs=5e-5)
