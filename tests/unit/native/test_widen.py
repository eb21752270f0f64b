# SPDX-License-Identifier: GPL-2.0-only
from hypothesis import example, given
from hypothesis import strategies as st

from zcprobe.native import lib

WRAP = 2**32


@given(st.integers(0, 2**64 - 1), st.integers(-(2**31) + 1, 2**31 - 1))
@example(WRAP - 1, 1)
@example(WRAP, -1)
@example(5 * WRAP + 3, -4)
@example(0, 2**31 - 1)
@example(2**64 - 1, 1)
def test_the_nearest_id_with_that_low_half_is_found(near: int, distance: int) -> None:
    exact = (near + distance) % 2**64
    assert lib.zc_widen(near, exact % WRAP) == exact


@given(st.lists(st.integers(1, 2**30), min_size=1, max_size=50))
def test_ids_read_one_after_another_stay_exact_over_many_wraps(steps: list[int]) -> None:
    """Widens as the reader does: relative to what was completed so far."""
    exact = completed = 0
    for step in steps:
        exact += step
        completed = lib.zc_widen(completed, exact % WRAP)
        assert completed == exact
