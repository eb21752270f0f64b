# SPDX-License-Identifier: GPL-2.0-only
"""The main numbers of one run, as far as the kernel gave them: the member `kernel` of run.json."""

from typing import Any

from zcprobe.format.summary import KernelSummary
from zcprobe.recorder.totals import EventTotals

__all__ = ["summarize_kernel"]

_FROM_PROBES = (
    "errqueue_depth_max",
    "merged_notifications",
    "true_copied_completions",
    "enobufs_causes",
    "enobufs_in_flight_bytes",
    "enobufs_unread_bytes",
    "enobufs_unread_share",
)


def summarize_kernel(totals: EventTotals | None, *, optmem_peak_bytes: int, **members: Any) -> KernelSummary:
    """Over all sockets. `totals` is None without probes. `optmem_peak_bytes` is the highest level that the subject has
    read itself; the probes may have seen a higher one. `members`: the others that need no probes."""
    seen: dict[str, Any] = {name: getattr(totals, name) if totals else None for name in _FROM_PROBES}
    peak = max(optmem_peak_bytes, totals.optmem_peak_bytes if totals else 0)
    return KernelSummary(optmem_peak_bytes=peak, **seen, **members)
