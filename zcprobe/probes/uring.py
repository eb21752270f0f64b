# SPDX-License-Identifier: GPL-2.0-only
"""Zerocopy sends by io_uring, which charge no optmem. Only who watches a process loads this probe."""

from typing import Any

from zcprobe.format.attachment import UringSummary
from zcprobe.host.btf import Btf
from zcprobe.probes.base import Probe, Tracepoint
from zcprobe.probes.usage import median_of_classes

__all__ = ["OVERFLOW", "URING", "lack_of_uring", "uring_definitions", "uring_summary"]

_SUBMIT = Tracepoint("io_uring_submit_req", "on_io_uring_submit", 1, "Linux 6.4", required=False)
_SUBMIT_BEFORE = Tracepoint("io_uring_submit_sqe", "on_io_uring_submit", 1, "Linux 5.2 to 6.3", required=False)
_COMPLETE = Tracepoint("io_uring_complete", "on_io_uring_complete", 3, "Linux 5.15")
OVERFLOW = Tracepoint("io_uring_cqe_overflow", "on_io_uring_cqe_overflow", 5, "Linux 5.17", required=False)
_TRACEPOINTS = (_SUBMIT, _SUBMIT_BEFORE, _COMPLETE, OVERFLOW)

URING = Probe(
    name="uring",
    tells="with attach: requests SEND_ZC and SENDMSG_ZC; delay and COPIED bit of their notifications; CQ overflows",
    blind="requests from before the watching; whether data was copied, if the program did not ask; other requests",
    blind_tracepoints="nothing more",
    beside_functions=_TRACEPOINTS,
    tracepoints=_TRACEPOINTS,
)

_MEMBERS = (
    ("io_kiocb", "opcode"),
    ("io_kiocb", "ctx"),
    ("io_kiocb", "cmd"),
    ("io_sr_msg", "notif"),
    ("io_sr_msg", "flags"),
)
_MEMBERS_READ = (*_MEMBERS, ("io_uring_cqe", "res"), ("io_uring_cqe", "flags"))


def lack_of_uring(btf: Btf) -> str | None:
    """What this kernel lacks for the probe, or None."""
    if not _COMPLETE.exists(btf):
        return _COMPLETE.lack(btf)
    if not (_SUBMIT.exists(btf) or _SUBMIT_BEFORE.exists(btf)):
        return _SUBMIT.lack(btf)
    missing = [f"{structure}.{member}" for structure, member in _MEMBERS if btf.offset(structure, member) is None]
    return f"no member {missing[0]} (Linux 6.1)" if missing else None


def uring_definitions(btf: Btf) -> dict[str, int]:
    """The macros with which the probe's C is compiled; none if the kernel lacks something, and then the C is empty."""
    if lack_of_uring(btf) is not None:
        return {}
    offsets = {f"OFFSET_{structure}_{member}": btf.offset(structure, member) for structure, member in _MEMBERS_READ}
    known = {name: offset for name, offset in offsets.items() if offset is not None}
    return {**known, "ARGUMENTS_io_uring_complete": btf.tracepoint_arguments(_COMPLETE.name) or 0}


def uring_summary(counts: dict[str, Any], *, sees_overflows: bool) -> UringSummary:
    """From `struct uring_counts` of uring.bpf.c, given as a dict of its members."""
    return UringSummary(
        requests=counts["requests"],
        notifications=counts["notifications"],
        copied_true=counts["copied"] if counts["requests_reporting"] else None,
        delay_median_ns=median_of_classes(counts["delay_counts"], counts["delay_ns"]),
        cq_overflows=counts["cq_overflows"] if sees_overflows else None,
    )
