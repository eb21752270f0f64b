"""The cause of each ENOBUFS, from the evidence in its event."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["CAUSES", "SKB_TRUESIZE_ZERO_BYTES", "enobufs_causes", "split_charges"]

CAUSES = ("optmem", "memlock", "other")

SKB_TRUESIZE_ZERO_BYTES = 576
"""sock_omalloc() refuses when sk_omem_alloc + SKB_TRUESIZE(0) > optmem_max; 576 on every 64-bit kernel examined."""

_UNKNOWN = 2**32 - 1


def enobufs_causes(events: NDArray[np.void]) -> NDArray[np.str_]:
    """Cause of each ENOBUFS event (records of struct zc_kernel_event, kind ENOBUFS), dtype str.

    `memlock`: capable(CAP_IPC_LOCK) was refused in the call; the kernel asks only once optmem was granted.
    `optmem`: it was not, and the level can have stood within SKB_TRUESIZE(0) of the limit when the charge was tried:
    it lay between the level on return (completions may already have lowered it) and that of the previous return.
    `other`: neither.
    """
    before = events["optmem_high_bytes"].astype(np.int64)
    highest = np.where(before == _UNKNOWN, 0, before)
    highest = np.maximum(highest, events["optmem_bytes"])
    full = highest + SKB_TRUESIZE_ZERO_BYTES > events["optmem_max_bytes"]
    return np.where(events["memlock_denied"] != 0, "memlock", np.where(full, "optmem", "other"))


def split_charges(
    events: NDArray[np.void], baseline_bytes: int, charge_bytes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(in-flight, unread) charges in bytes at each event: unread = errqueue_depth notifications, the rest in flight."""
    unread = events["errqueue_depth"].astype(np.int64) * charge_bytes
    in_flight = events["optmem_bytes"].astype(np.int64) - baseline_bytes - unread
    return in_flight, unread
