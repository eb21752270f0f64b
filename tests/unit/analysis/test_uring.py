# SPDX-License-Identifier: GPL-2.0-only
"""What is said of io_uring's zerocopy sends."""

from zcprobe.analysis.uring import uring_sentence
from zcprobe.format.attachment import UringSummary


def test_all_that_was_counted_is_told() -> None:
    uring = UringSummary(requests=7, notifications=6, copied_true=5, delay_median_ns=2_000_000, cq_overflows=4)
    assert uring_sentence(uring) == (
        "Zerocopy requests of io_uring: 7; their notifications: 6, in the median 2 ms after the request. The kernel"
        " copied the data of 5. Completions that found the completion queue full: 4. No optmem is involved."
    )


def test_what_was_not_seen_is_said_or_left_out() -> None:
    assert uring_sentence(UringSummary(requests=1, notifications=0)) == (
        "Zerocopy requests of io_uring: 1; their notifications: 0. The program did not ask whether the kernel copied."
        " No optmem is involved."
    )


def test_without_requests_nothing_is_said() -> None:
    assert uring_sentence(UringSummary(requests=0, notifications=0)) is None
    assert uring_sentence(None) is None
