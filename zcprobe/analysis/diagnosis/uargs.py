# SPDX-License-Identifier: GPL-2.0-only
"""MSG_ZEROCOPY and io_uring's zerocopy on the same socket."""

from zcprobe.analysis.diagnosis.senders import name_of, zerocopy_sockets
from zcprobe.format.attachment import Observation, SocketSummary
from zcprobe.format.diagnosis import Diagnosed

__all__ = ["foreign_uarg"]


def foreign_uarg(seen: Observation) -> Diagnosed | str | None:
    """One refused call is enough for a finding: msg_zerocopy_realloc() never uses a uarg of another kind."""
    sockets = zerocopy_sockets(seen)
    refused = [socket for socket in sockets if _refused(socket)]
    if not refused:
        unknown = any(
            socket.foreign_uargs is None and socket.enobufs_causes is None and socket.enobufs != 0 for socket in sockets
        )
        return "whether two kinds of zerocopy met on one socket" if unknown else None
    worst = max(refused, key=_refused)
    count = sum(map(_refused, refused))
    calls = "One send call" if count == 1 else f"{count:,} send calls"
    return Diagnosed(
        id="foreign-uarg",
        what=(
            f"{calls} on {name_of(worst)} returned ENOBUFS because the unsent data before it belongs to a zerocopy"
            " request of io_uring."
        ),
        evidence={
            "socket_count": len(refused),
            "foreign_uargs": count,
            "uring_request_count": seen.uring.requests if seen.uring else None,
        },
        do="Use one kind of zerocopy for each socket: either MSG_ZEROCOPY or io_uring's SEND_ZC.",
    )


def _refused(socket: SocketSummary) -> int:
    causes = socket.enobufs_causes or {}
    return max(socket.foreign_uargs or 0, causes.get("foreign_uarg", 0))
