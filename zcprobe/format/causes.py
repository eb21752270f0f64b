# SPDX-License-Identifier: GPL-2.0-only
"""The cause of each ENOBUFS, which follows from the candidates in its event."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "CAUSES",
    "EVIDENCE",
    "MEMLOCK",
    "MEMLOCK_CAUSES",
    "OPTMEM",
    "cause_of",
    "enobufs_causes",
    "name_candidates",
    "split_charges",
]

_NAMES = (
    "optmem",
    "memlock_new",
    "memlock_extended",
    "allocation",
    "fastopen",
    "foreign_uarg",
    "corked",
    "qdisc",
)
"""Names of the bits in `kernel_events.candidates`, from bit 0 on. A test compares them with enum zc_cause of
bpf/zcprobe.h."""

CAUSES = (*_NAMES, "ambiguous", "other")
"""`ambiguous`: the mechanism in use leaves more than one candidate. `other`: the kernel returned ENOBUFS for none of
these causes."""

EVIDENCE = (
    "capability_refused",
    "taken_back",
    "qdisc_drop",
    "account_failed",
    "optmem_full",
    "no_memory",
    "no_uarg",
    "append_failed",
)
"""Names of the bits in `kernel_events.evidence`, from bit 0 on. A test compares them with enum zc_evidence of
bpf/zcprobe.h."""

MEMLOCK_CAUSES = ("memlock", "memlock_new", "memlock_extended")
"""All names for RLIMIT_MEMLOCK as a cause. `memlock` means that the path is not known, as in every run of version 1."""

OPTMEM = 1 << _NAMES.index("optmem")
"""The bit of the candidate `optmem`: a charge that did not fit."""

MEMLOCK = (1 << _NAMES.index("memlock_new")) | (1 << _NAMES.index("memlock_extended"))
"""The bits of both candidates of RLIMIT_MEMLOCK. Together they mean one of the two paths, and it is not known which."""


def name_candidates(candidates: int) -> str:
    """`"allocation|foreign_uarg"`, in the order of enum zc_cause; empty for none."""
    return "|".join(name for bit, name in enumerate(_NAMES) if candidates >> bit & 1)


def cause_of(candidates: int) -> str:
    """One of CAUSES for a set of bits of enum zc_cause, or `memlock` when only its path is not known."""
    if candidates == MEMLOCK:
        return "memlock"
    if candidates & (candidates - 1):
        return "ambiguous"
    return name_candidates(candidates) or "other"


@cache
def _cause_of_byte() -> NDArray[np.str_]:
    import numpy as np  # slow, and not needed before there are events

    return np.array([cause_of(candidates) for candidates in range(256)])


def enobufs_causes(events: NDArray[np.void]) -> NDArray[np.str_]:
    """Cause (dtype str) of each event. `events` are records of struct zc_kernel_event of the kind ENOBUFS."""
    causes: NDArray[np.str_] = _cause_of_byte()[events["candidates"]]
    return causes


def split_charges(
    events: NDArray[np.void], baseline_bytes: int, charge_bytes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(in-flight, unread) charges in bytes at each event. The notifications on the error queue are unread, and the rest
    of the level above the baseline is in flight."""
    unread = events["errqueue_depth"].astype("int64") * charge_bytes
    in_flight = events["optmem_bytes"].astype("int64") - baseline_bytes - unread
    return in_flight, unread
