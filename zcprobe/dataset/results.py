# SPDX-License-Identifier: GPL-2.0-only
"""The two summaries of a run as one flat row, for tables that set runs side by side."""

from typing import Any

from msgspec.structs import asdict

from zcprobe.format.metadata import Recording
from zcprobe.format.summary import KernelSummary

__all__ = ["lost_count", "results_of"]

_BESIDE = {
    "copied_completions": ("true_copied_completions",),
    "enobufs_count": ("enobufs_causes", "enobufs_in_flight_bytes", "enobufs_unread_bytes", "enobufs_unread_share"),
    "constrained_count": (
        "errqueue_depth_max",
        "merged_notifications",
        "optmem_max_bytes",
        "optmem_baseline_bytes",
        "optmem_peak_bytes",
        "charge_bytes",
    ),
    "datagrams_repeated": ("lost_events",),
}
"""Number of the sender -> the kernel's numbers that follow it in a table, because they explain it."""


def results_of(meta: Recording) -> dict[str, Any]:
    """Name -> value of each member of `kernel` and `sender`, in the order of a table's columns. No name is in both.

    A run that was only watched has the kernel's members alone."""
    kernel = {name: getattr(meta.kernel, name) for name in KernelSummary.__struct_fields__}
    flat: dict[str, Any] = {}
    for name, value in (asdict(meta.sender) if meta.sender else {}).items():
        flat[name] = value
        flat |= {beside: kernel[beside] for beside in _BESIDE.get(name, ())}
    return {**flat, **kernel}


def lost_count(meta: Recording) -> int:
    """How many events of the probes and records of our own sender were lost."""
    return meta.kernel.lost_events + (meta.sender.lost_records if meta.sender else 0)
