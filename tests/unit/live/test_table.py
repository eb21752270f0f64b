# SPDX-License-Identifier: GPL-2.0-only
"""Lines of sockets are as wide as they may be, and the first of the order are shown."""

import pytest

from tests.unit.live.screens import row
from zcprobe.live.drawing import ASCII
from zcprobe.live.table import MOST_ROWS, columns_for, header, line, ordered


@pytest.mark.parametrize("width", [59, 75, 76, 79, 119, 120, 184])
def test_header_and_lines_fit(width: int) -> None:
    columns = columns_for(width)
    lines = [line(row(1, depth=10**6, used=1.0, rate=1e7), columns, is_picked=one) for one in (True, False)]
    assert {len(header(columns)), *map(len, lines)} == {width}
    assert "~" not in lines[0]  # the whole address is there


def test_columns_do_not_grow_without_end() -> None:
    assert len(header(columns_for(300))) == len(header(columns_for(400)))


def test_a_line_can_be_drawn_in_ascii() -> None:
    assert line(row(1, used=0.5), columns_for(79), is_picked=True, ramp=ASCII).isascii()


def test_sockets_that_are_equal_stay_in_their_order() -> None:
    rows = [row(3), row(1), row(2, used=0.1)]
    assert [one.number for one in ordered(rows, "USED")] == [2, 1, 3]
    assert [one.number for one in ordered(rows, "FD")] == [3, 2, 1]


def test_only_the_first_of_very_many_are_shown() -> None:
    rows = [row(number, depth=number) for number in range(MOST_ROWS + 50)]
    shown = ordered(rows, "UNREAD")
    assert len(shown) == MOST_ROWS
    assert shown[0].number == MOST_ROWS + 49
