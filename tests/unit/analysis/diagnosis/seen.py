# SPDX-License-Identifier: GPL-2.0-only
"""Sockets and observations as a probe could have seen them, for the tests of the rules."""

from typing import Any

from zcprobe.analysis.diagnosis import judge
from zcprobe.format.attachment import Observation, SocketSummary
from zcprobe.format.diagnosis import Diagnosed

__all__ = ["CALM", "found", "ids", "seen", "socket"]

CALM: dict[str, Any] = {
    "zerocopy_enabled": True,
    "sends": 1009,
    "bytes_sent": 1009 << 16,
    "send_bytes_median": 1 << 16,
    "enobufs": 0,
    "enobufs_causes": {},
    "enobufs_in_flight_bytes": 0,
    "enobufs_unread_bytes": 0,
    "notifications_read": 500,
    "completions_read": 1009,
    "copied_true": 0,
    "errqueue_depth_max": 1,
    "optmem_baseline_bytes": 0,
    "optmem_peak_bytes": 10 * 832,
    "optmem_max_bytes": 131072,
    "charge_bytes": 832,
    "in_flight_peak_bytes": 10 * 832,
    "unread_peak_bytes": 832,
    "readers": {"worker": 500},
    "flushes": 100,
    "flushes_waited": 0,
    "flushes_empty_then_enobufs": 0,
    "foreign_uargs": 0,
}
"""A socket on which nothing is wrong, with everything seen."""


def socket(**members: Any) -> SocketSummary:
    return SocketSummary(**{"protocol": "tcp", **CALM, **members})


def seen(*sockets: SocketSummary, **members: Any) -> Observation:
    return Observation(**{"detail": "causes", "duration_ns": 10**9, "sockets": list(sockets), **members})


def ids(observation: Observation) -> list[str]:
    return [finding.id for finding in judge(observation).findings]


def found(observation: Observation, name: str) -> Diagnosed:
    return next(finding for finding in judge(observation).findings if finding.id == name)
