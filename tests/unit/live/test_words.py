# SPDX-License-Identifier: GPL-2.0-only
"""The first lines of the screen are as wide as it is, and say how many sockets there are."""

import pytest

from tests.unit.live.screens import MadeUp, row
from zcprobe.live.words import facts, head_line


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_first_line_is_cut_at_its_left_part(width: int) -> None:
    state = MadeUp(row(1)).newest
    line = head_line(state, ["by USED", "", "PAUSED"], width)
    assert len(line) == width
    assert line.startswith("1:02:05 1 socket of 4")
    assert line.endswith("  by USED  PAUSED")


def test_sockets_that_are_not_shown_are_counted() -> None:
    state = MadeUp(*(row(number) for number in range(201))).newest
    assert "200 of 201 sockets" in head_line(state, [], 80)


def test_what_was_not_counted_is_no_fact() -> None:
    assert len(facts(row(1), 80)) == len(facts(row(1, local=None), 80)) == 2
    assert "ENOBUFS 0" in facts(row(1, enobufs=0, enobufs_causes={}), 80)[2]
    assert len(facts(row(1, enobufs=0, enobufs_causes={}), 80)) == 3
    assert "read by nobody; flushes that waited: 0" in facts(row(1, enobufs=0, readers={}, flushes_waited=0), 80)
