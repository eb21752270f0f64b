# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.campaign.precision import relative_width, widest_point
from zcprobe.format.campaign import CampaignRun, Point


def point(key: str, *goodputs: float | None, whole: bool = True) -> Point:
    runs = [
        CampaignRun(
            folder=f"{key}{at}", block=at + 1, outcome="completed", complete=whole, valid=True, goodput_bps=goodput
        )
        for at, goodput in enumerate(goodputs)
    ]
    return Point(key=key, axes={}, runs=runs)


def test_the_width_is_the_larger_distance_from_the_median() -> None:
    width = relative_width([90.0, 95.0, 100.0, 102.0, 104.0])
    assert width == pytest.approx(0.1)


def test_a_few_runs_have_no_width_yet() -> None:
    assert relative_width([100.0] * 4) is None


def test_equal_values_are_known_and_so_is_nothing_at_all() -> None:
    assert relative_width([100.0] * 5) == 0
    assert relative_width([0.0] * 5) == 0


def test_the_point_that_is_known_least_is_told() -> None:
    narrow, wide = point("a", 99, 100, 100, 100, 101), point("b", 50, 100, 100, 100, 150)
    found = widest_point([narrow, wide], 0.05)
    assert found is not None
    assert found[0].key == "b"
    assert found[1] == pytest.approx(0.5)
    assert widest_point([narrow, wide], 0.6) is None
    assert widest_point([narrow], 0.05) is None


def test_a_point_with_too_few_runs_is_not_known() -> None:
    few, wide = point("a", 100, 100), point("b", 50, 100, 100, 100, 150)
    found = widest_point([wide, few], 0.05)
    assert found == (few, None)


def test_a_point_that_cannot_become_more_precise_is_left_out() -> None:
    assert widest_point([point("a", None, None), point("b", 1, 2, 3, 4, 5, whole=False), point("c")], 0.05) is None
