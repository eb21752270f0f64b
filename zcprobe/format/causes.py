# SPDX-License-Identifier: GPL-2.0-only
"""The cause of each ENOBUFS, from the candidates that its event names."""

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
    "name_evidence",
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
"""By the number of their bit in `kernel_events.candidates`: enum zc_cause of bpf/zcprobe.h, which a test compares."""

CAUSES = (*_NAMES, "ambiguous", "other")
"""`ambiguous`: the mechanism in use leaves more than one; `other`: the kernel returned it from none of these places."""

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
"""By the number of their bit in `kernel_events.evidence`: enum zc_evidence of bpf/zcprobe.h, which a test compares."""

MEMLOCK_CAUSES = ("memlock", "memlock_new", "memlock_extended")
"""RLIMIT_MEMLOCK under all its names: `memlock` where it is not known on which path, as in every run of version 1."""

OPTMEM = 1 << _NAMES.index("optmem")
"""The candidate of a charge that did not fit."""

MEMLOCK = (1 << _NAMES.index("memlock_new")) | (1 << _NAMES.index("memlock_extended"))
"""Both candidates of RLIMIT_MEMLOCK: one of its two paths, and it is not known which."""


def name_candidates(candidates: int) -> str:
    """`"allocation|foreign_uarg"`, in the order of enum zc_cause; empty for none."""
    return "|".join(name for bit, name in enumerate(_NAMES) if candidates >> bit & 1)


def name_evidence(evidence: int) -> str:
    """`"account_failed|no_uarg"`, in the order of enum zc_evidence; empty when nothing was seen."""
    return "|".join(name for bit, name in enumerate(EVIDENCE) if evidence >> bit & 1)


def cause_of(candidates: int) -> str:
    """One of CAUSES for a bit set of enum zc_cause; `memlock` when that is sure, but not on which path."""
    if candidates == MEMLOCK:
        return "memlock"
    if candidates & (candidates - 1):
        return "ambiguous"
    return name_candidates(candidates) or "other"


@cache
def _cause_of_byte() -> NDArray[np.str_]:
    import numpy as np  # not before there are events

    return np.array([cause_of(candidates) for candidates in range(256)])


def enobufs_causes(events: NDArray[np.void]) -> NDArray[np.str_]:
    """Cause of each ENOBUFS event (records of struct zc_kernel_event, kind ENOBUFS), dtype str."""
    causes: NDArray[np.str_] = _cause_of_byte()[events["candidates"]]
    return causes


def split_charges(
    events: NDArray[np.void], baseline_bytes: int, charge_bytes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(in-flight, unread) charges in bytes at each event: unread = errqueue_depth notifications, the rest in flight."""
    unread = events["errqueue_depth"].astype("int64") * charge_bytes
    in_flight = events["optmem_bytes"].astype("int64") - baseline_bytes - unread
    return in_flight, unread
