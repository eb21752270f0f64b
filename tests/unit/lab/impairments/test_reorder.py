# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.errors import UsageError
from zcprobe.lab.impairments.reorder import ReorderImpairment


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"jitter_ns": 999}, "a jitter of 999 ns is out of range"),
        ({"jitter_ns": 125_000}, "a jitter of 125000 ns"),
        ({"delay_ns": 999_999}, "a delay of 999999 ns is out of range"),
        ({"delay_ns": 10_000_000_001}, "a delay of 10000000001 ns"),
        ({"limit_count": 0}, "a queue of 0 packets is out of range"),
        ({"limit_count": 2**31}, "a queue of 2147483648 packets"),
    ],
)
def test_an_order_that_netem_could_not_make_is_refused(values: dict[str, int], words: str) -> None:
    possible = {"delay_ns": 1_000_000, "jitter_ns": 124_999, "limit_count": 1}
    ReorderImpairment(**possible)
    with pytest.raises(UsageError, match=words):
        ReorderImpairment(**possible | values)
