# SPDX-License-Identifier: GPL-2.0-only
"""What an attachment saw of io_uring, in words."""

from zcprobe.format.attachment import UringSummary
from zcprobe.units import format_duration_ns

__all__ = ["uring_sentence"]


def uring_sentence(uring: UringSummary | None) -> str | None:
    """What was sent by io_uring's zerocopy requests, in sentences; None if nothing was, or if nobody watched."""
    if uring is None or not uring.requests:
        return None
    said = [f"Zerocopy requests of io_uring: {uring.requests:,}; their notifications: {uring.notifications:,}"]
    if uring.delay_median_ns is not None:
        said[0] += f", in the median {format_duration_ns(uring.delay_median_ns)} after the request"
    if uring.copied_true is None:
        said.append("The program did not ask whether the kernel copied")
    else:
        said.append(f"The kernel copied the data of {uring.copied_true:,}")
    if uring.cq_overflows:
        said.append(f"Completions that found the completion queue full: {uring.cq_overflows:,}")
    return ". ".join([*said, "No optmem is involved."])
