# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel must have to count io_uring's sends, and what its counts become."""

from typing import Any

import pytest

from zcprobe.format.attachment import UringSummary
from zcprobe.probes.uring import lack_of_uring, uring_definitions, uring_summary

DELAYS = 40


class Kernel:
    """The types of a kernel; `lacking`: tracepoints and members that it does not have."""

    def __init__(self, *lacking: str) -> None:
        self._lacking = lacking

    def tracepoint_arguments(self, name: str) -> int | None:
        return None if name in self._lacking else 7 if name == "io_uring_complete" else 5

    def offset(self, structure: str, member: str) -> int | None:
        return None if f"{structure}.{member}" in self._lacking else 8


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        ((), None),
        (("io_uring_submit_req",), None),  # it has the older name
        (("io_uring_submit_req", "io_uring_submit_sqe"), "no tracepoint io_uring_submit_req (Linux 6.4)"),
        (("io_uring_complete",), "no tracepoint io_uring_complete (Linux 5.15)"),
        (("io_sr_msg.notif",), "no member io_sr_msg.notif (Linux 6.1)"),
        (("io_uring_cqe_overflow",), None),
    ],
)
def test_what_a_kernel_lacks_is_named(lacking: tuple[str, ...], told: str | None) -> None:
    kernel: Any = Kernel(*lacking)
    assert lack_of_uring(kernel) == told
    assert bool(uring_definitions(kernel)) == (told is None)


def counts(**members: Any) -> dict[str, Any]:
    names = ("requests", "requests_reporting", "notifications", "copied", "cq_overflows")
    return {**dict.fromkeys(names, 0), "delay_counts": [0] * DELAYS, "delay_ns": [0] * DELAYS, **members}


def test_copies_are_unknown_unless_the_program_asked() -> None:
    silent = uring_summary(counts(requests=3, notifications=3), sees_overflows=True)
    assert silent == UringSummary(requests=3, notifications=3, copied_true=None, cq_overflows=0)
    asked = uring_summary(counts(requests=3, requests_reporting=3, copied=2), sees_overflows=True)
    assert asked.copied_true == 2


def test_overflows_are_unknown_where_the_kernel_does_not_tell() -> None:
    assert uring_summary(counts(cq_overflows=0), sees_overflows=False).cq_overflows is None


def test_the_delay_is_that_of_the_class_in_the_middle() -> None:
    members = counts()
    members["delay_counts"][14], members["delay_ns"][14] = 5, 5 * 25_000
    members["delay_counts"][30], members["delay_ns"][30] = 4, 4 << 30
    assert uring_summary(members, sees_overflows=True).delay_median_ns == 25_000
