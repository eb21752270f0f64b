# SPDX-License-Identifier: GPL-2.0-only
import numpy as np
import pytest

from zcprobe.analysis.noise import a_a_differences, noise_of


def series(values: list[float]) -> dict[int, float]:
    return dict(enumerate(values, 1))


def test_a_run_is_compared_with_the_next_one_made_alike() -> None:
    assert a_a_differences(series([1.0, 3.0, 2.0])) == [2.0, -1.0]


def test_blocks_that_do_not_follow_each_other_are_not_compared() -> None:
    assert a_a_differences({4: 7.0, 1: 1.0, 2: 1.5}) == [0.5]


def test_there_is_no_noise_to_tell_without_two_runs_made_alike() -> None:
    assert noise_of([series([1.0]), {}], 5, 5) is None


def test_runs_that_are_all_equal_have_no_noise() -> None:
    assert noise_of([series([8971.0] * 5)], 5, 5) == 0


@pytest.mark.parametrize("blocks", [5, 8, 20])
def test_nineteen_of_twenty_differences_of_equal_points_are_below_the_noise(blocks: int) -> None:
    random = np.random.default_rng(blocks)
    below = 0
    for _ in range(1000):
        left, right = random.normal(0, 1, (2, blocks))
        noise = noise_of([series(list(left)), series(list(right))], blocks, blocks)
        assert noise is not None
        below += abs(right.mean() - left.mean()) <= noise
    assert 930 <= below <= 990


def test_a_machine_that_drifts_slowly_is_not_noisy() -> None:
    drift = [0.01 * block for block in range(20)]
    noise = noise_of([series(drift)], 20, 20)
    assert noise is not None
    assert noise < 0.01
