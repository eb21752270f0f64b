# SPDX-License-Identifier: GPL-2.0-only
"""Nothing is wrong as far as one could see, and how much room is left."""

from collections.abc import Sequence

from zcprobe.analysis.diagnosis.limit import pressed_sockets, share_of_limit
from zcprobe.analysis.diagnosis.senders import total, zerocopy_sockets
from zcprobe.format.attachment import Observation, SocketSummary, UringSummary
from zcprobe.format.diagnosis import Diagnosed

__all__ = ["nothing_wrong", "unexplained"]

_EXPLAINED = ("optmem", "memlock", "memlock_new", "memlock_extended", "foreign_uarg")
"""The causes of ENOBUFS that have a finding of their own."""

_BETWEEN = ("levels between two samples",)


def unexplained(seen: Observation) -> str | None:
    """The refused calls for which no finding speaks, by cause; None without any. Where causes were not seen, the
    findings of optmem speak for the calls on a socket that came close to its limit."""
    others: dict[str, int] = {}
    pressed = [one.socket for one in pressed_sockets(seen)]
    for socket in zerocopy_sockets(seen):
        causes = socket.enobufs_causes
        if causes is None:
            causes = {} if socket in pressed else {"of unknown cause": socket.enobufs or 0}
        for cause, count in causes.items():
            if count and cause not in _EXPLAINED:
                others[cause] = others.get(cause, 0) + count
    return ", ".join(f"{count:,} {cause}" for cause, count in others.items()) or None


def nothing_wrong(seen: Observation, not_seen: Sequence[str]) -> Diagnosed:
    """The finding when no other holds. `not_seen`: what could not be looked at."""
    sockets = zerocopy_sockets(seen)
    fullest = max(sockets, key=share_of_limit, default=None)
    return Diagnosed(
        id="nothing-wrong",
        what=f"{_what(seen, sockets, fullest)}{_limits(seen, not_seen)}",
        evidence={
            "socket_count": len(sockets),
            "sends": total(socket.sends for socket in sockets),
            "enobufs_count": total(socket.enobufs for socket in sockets),
            "optmem_peak_bytes": fullest.optmem_peak_bytes if fullest else None,
            "optmem_max_bytes": fullest.optmem_max_bytes if fullest else None,
            "headroom_bytes": _headroom(fullest),
        },
        do="Nothing needs to be done." if sockets or _uring_requests(seen) else "Watch while the sender sends.",
    )


def _headroom(socket: SocketSummary | None) -> int | None:
    """The last charge that the kernel grants may exceed the limit; then nothing is left."""
    if socket is None or socket.optmem_peak_bytes is None or socket.optmem_max_bytes is None:
        return None
    return max(socket.optmem_max_bytes - socket.optmem_peak_bytes, 0)


def _uring_requests(seen: Observation) -> int:
    return seen.uring.requests if seen.uring else 0


def _what(seen: Observation, sockets: list[SocketSummary], fullest: SocketSummary | None) -> str:
    if not sockets and seen.uring and seen.uring.requests:
        return _what_of_uring(seen.uring)
    if fullest is None:
        return "No socket has SO_ZEROCOPY, so no send of this process can fail for want of optmem."
    refused = total(socket.enobufs for socket in sockets)
    calm = "No send call returned ENOBUFS." if refused is not None else "Nothing points to ENOBUFS."
    if _headroom(fullest) is None:
        return f"{calm} How much optmem is left was not seen."
    return (
        f"{calm} optmem was at most {fullest.optmem_peak_bytes:,} of {fullest.optmem_max_bytes:,} bytes"
        f" ({share_of_limit(fullest):.0%}), which leaves {_headroom(fullest):,}."
    )


def _what_of_uring(uring: UringSummary) -> str:
    all_of_them = f"All {uring.requests:,} zerocopy requests went through io_uring, where no optmem is involved."
    if not uring.cq_overflows:
        return all_of_them
    late = f"{uring.cq_overflows:,} completions found the completion queue full and had to wait until it was read."
    return f"{all_of_them} {late}"


def _limits(seen: Observation, not_seen: Sequence[str]) -> str:
    if not not_seen:
        return ""
    by = f"by detail {seen.detail}" if seen.detail else "without probes"
    return f" Not seen {by}: {', '.join([*not_seen, *_BETWEEN[: seen.detail == 'sample']])}."
