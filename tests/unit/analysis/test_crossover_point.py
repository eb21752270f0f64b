# SPDX-License-Identifier: GPL-2.0-only
"""From which size of a send zerocopy is better: from values whose answer is known."""

import numpy as np
import pytest

from zcprobe.analysis.crossover_point import CrossoverPoint, crossover_point

NOISE = (0.99, 0.995, 1.0, 1.005, 1.01)


def point_of(ratios: dict[int, float], noise: tuple[float, ...] = NOISE, *, more: bool = True) -> CrossoverPoint:
    sides = {size: ([ratio * part for part in noise], list(noise)) for size, ratio in ratios.items()}
    return crossover_point("goodput_bps", sides, more_is_better=more)


def test_between_two_sizes_it_is_where_a_straight_line_over_the_logarithm_crosses() -> None:
    point = point_of({4096: 0.5, 16384: 2.0})
    assert point.from_bytes == 8192
    assert point.low_bytes is not None
    assert point.high_bytes is not None
    assert 8000 < point.low_bytes < 8192 < point.high_bytes < 8400
    assert point.text.startswith("zerocopy wins from 8 KiB on [")


def test_a_larger_size_that_loses_moves_it_beyond_that_size() -> None:
    point = point_of({1024: 2.0, 2048: 0.5, 4096: 2.0})
    assert point.from_bytes == pytest.approx(2**11.5, abs=1)


@pytest.mark.parametrize(
    ("ratios", "found", "text"),
    [
        ({1024: 0.5, 2048: 0.8}, None, "zerocopy wins from no size in this range (1 KiB to 2 KiB)"),
        ({1024: 2.0, 2048: 0.8}, None, "zerocopy wins from no size in this range (1 KiB to 2 KiB)"),
        ({1024: 2.0, 2048: 1.8}, 0, "zerocopy wins at every size in this range (1 KiB to 2 KiB)"),
    ],
)
def test_what_is_certain_over_the_whole_range_needs_no_interval(
    ratios: dict[int, float], found: int | None, text: str
) -> None:
    point = point_of(ratios)
    assert (point.from_bytes, point.low_bytes, point.high_bytes) == (found, found, found)
    assert point.text == text


def test_less_time_is_better() -> None:
    ratios = {1024: 2.0, 4096: 0.5}
    assert point_of(ratios, more=False).from_bytes == 2048
    assert point_of(ratios).from_bytes is None


def test_equal_sides_win_nowhere() -> None:
    assert point_of({1024: 1.0, 2048: 1.0}, (1.0, 1.0)).from_bytes is None


def test_noise_as_large_as_the_difference_leaves_both_answers_open() -> None:
    point = point_of({1024: 0.98, 2048: 1.02}, (0.8, 0.9, 1.0, 1.1, 1.2))
    assert (point.low_bytes, point.high_bytes) == (0, None)
    assert point.text.endswith("[all from 1 KiB .. none up to 2 KiB]")


def test_one_run_of_each_has_no_interval() -> None:
    point = point_of({1024: 0.5, 2048: 2.0}, (1.0,))
    assert not point.has_interval
    assert point.run_count == 1
    assert "without an interval" in point.text


def test_the_interval_covers_the_true_size_about_as_often_as_it_says() -> None:
    """100 campaigns of 5 runs, noise of 10 %: the true crossover is 8 KiB."""
    random = np.random.default_rng(1009)
    covered = 0
    for _ in range(100):
        sides = {
            size: tuple(list(ratio * np.exp(random.normal(0, 0.1, 5))) for ratio in (size / 8192, 1.0))
            for size in (2048, 4096, 16384, 32768)
        }
        point = crossover_point("goodput_bps", sides, more_is_better=True)  # type: ignore[arg-type]
        covered += (point.low_bytes or 0) <= 8192 <= (point.high_bytes or 1 << 30)
    assert covered >= 85
