# SPDX-License-Identifier: GPL-2.0-only
"""A sender that meets ENOBUFS, reads its error queue, and retries at once although the rest is still in flight."""

from zcprobe.analysis.diagnosis.enough import enough_optmem
from zcprobe.analysis.diagnosis.limit import reached_limit
from zcprobe.analysis.diagnosis.senders import is_qemu, name_of, total, zerocopy_sockets
from zcprobe.format.attachment import Observation
from zcprobe.format.diagnosis import Diagnosed

__all__ = ["flush_did_not_wait"]

_IN_QEMU = " QEMU 10.2 to 11.1 does not wait there, because its multifd channels count as not blocking."


def flush_did_not_wait(seen: Observation) -> Diagnosed | str | None:
    """One such retry is enough for a finding: most senders give up at the second ENOBUFS."""
    sockets = zerocopy_sockets(seen)
    hasty = [socket for socket in sockets if socket.flushes_empty_then_enobufs]
    if not hasty:
        unknown = any(socket.flushes_empty_then_enobufs is None for socket in sockets)
        return "whether the sender waits when it reads its error queue" if unknown else None
    worst = max(hasty, key=lambda socket: socket.flushes_empty_then_enobufs or 0)
    count = total(socket.flushes_empty_then_enobufs for socket in hasty) or 0
    times = "once" if count == 1 else f"{count:,} times"
    enough = enough_optmem(worst) if reached_limit(worst) else None
    until = "" if enough is None else f" Until then net.core.optmem_max of {enough.limit_bytes} leaves more room."
    return Diagnosed(
        id="flush-did-not-wait",
        what=(
            f"On {name_of(worst)} the sender met ENOBUFS, read the error queue until EAGAIN without waiting, and the"
            f" retry returned ENOBUFS again, {times}: what was in flight still kept its charge."
        ),
        evidence={
            "socket_count": len(hasty),
            "flushes_empty_then_enobufs_count": count,
            "flushes_count": total(socket.flushes for socket in hasty),
            "flushes_waited_count": total(socket.flushes_waited for socket in hasty),
            "enobufs_in_flight_bytes": total(socket.enobufs_in_flight_bytes for socket in hasty),
            "enobufs_unread_bytes": total(socket.enobufs_unread_bytes for socket in hasty),
            "optmem_max_bytes": worst.optmem_max_bytes,
            "optmem_enough_bytes": enough.limit_bytes if enough else None,
        },
        do=(
            "Let the sender wait for POLLERR when the error queue is empty, and retry after the next notification."
            f"{_IN_QEMU if is_qemu(seen) else ''}{until}"
        ),
    )
