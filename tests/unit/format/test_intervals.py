# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.format.intervals import CONFIDENCE_TEXT, interval_text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((1.25, 1.0, 1.5), "1.25 [1.00 .. 1.50]"),
        ((1.25, None, None), "1.25"),
        ((1.25, 1.0, None), "1.25"),
        ((None, None, None), "-"),
    ],
)
def test_an_interval_stands_behind_its_median_where_it_is_known(
    numbers: tuple[float | None, float | None, float | None], text: str
) -> None:
    assert interval_text(*numbers, "{:.2f}".format) == text


def test_confidence_is_told_in_percent() -> None:
    assert CONFIDENCE_TEXT == "95 %"
