# SPDX-License-Identifier: GPL-2.0-only
"""Characters stand for levels."""

from zcprobe.live.drawing import ASCII, chart, spark


def test_a_sparkline_has_the_newest_values_at_the_right() -> None:
    assert spark([9, 0, 50, 100, 200], 100, 4) == "▁▄██"
    assert spark([100], 100, 3) == "  █"
    assert spark([], 100, 3) == "   "
    assert spark([0, 0], 0, 3) == " ▁▁"
    assert spark([0, 100], 100, 2, ASCII) == ".@"


def test_a_chart_ends_at_its_top_and_shows_whatever_is_above_nothing() -> None:
    assert chart([0, 1, 1000, 2000, 5000], 2000, 15, 2) == [
        "    2000 |   ██",
        "       0 | ▁███",
    ]


def test_a_chart_without_room_has_no_columns() -> None:
    assert chart([1, 2], 2, 10, 2) == ["       2 |", "       0 |"]
    assert [len(one) for one in chart([1, 2], 2, 5, 3)] == [5, 5, 5]
