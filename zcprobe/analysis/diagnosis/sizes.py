# SPDX-License-Identifier: GPL-2.0-only
"""Sends so small that copying them is cheaper."""

from zcprobe.analysis.diagnosis.senders import bytes_per_send, of_sockets, total, zerocopy_sockets
from zcprobe.format.attachment import Observation, SocketSummary
from zcprobe.format.diagnosis import Diagnosed

__all__ = ["small_sends"]

_PAYS_FROM_BYTES = 10 * 1024
"""The size from which zerocopy pays: the kernel's Documentation/networking/msg_zerocopy.rst says that it is generally
only effective at writes over around 10 KB, because pinning pages and reading notifications has a price per send."""

_ENOUGH_SENDS = 100
"""Fewer sends than this cost next to nothing, whatever their size."""


def small_sends(seen: Observation) -> Diagnosed | str | None:
    """Where the median was not seen, an upper bound of the mean stands for it."""
    sockets = zerocopy_sockets(seen)
    small = [socket for socket in sockets if _is_small(socket)]
    if not small:
        return "the size of sends" if any(bytes_per_send(socket) is None for socket in sockets) else None
    worst = max(small, key=lambda socket: socket.sends or 0)
    size = bytes_per_send(worst)
    words = "half of them are" if worst.send_bytes_median is not None else "on average they are"
    return Diagnosed(
        id="small-sends",
        what=(
            f"On {of_sockets(len(small), sockets)} zerocopy sends are small: {words} at most {size:,} bytes. Up to"
            f" about {_PAYS_FROM_BYTES:,} bytes a copy is cheaper than pinning pages and reading notifications."
        ),
        evidence={
            "socket_count": len(small),
            "sends": total(socket.sends for socket in small),
            "send_bytes_median": worst.send_bytes_median,
            "bytes_per_send": size,
        },
        do=f"Send without MSG_ZEROCOPY below {_PAYS_FROM_BYTES} bytes, or gather more data for each send.",
    )


def _is_small(socket: SocketSummary) -> bool:
    size = bytes_per_send(socket)
    return size is not None and 0 < size < _PAYS_FROM_BYTES and (socket.sends or 0) >= _ENOUGH_SENDS
