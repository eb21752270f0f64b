# SPDX-License-Identifier: GPL-2.0-only
"""The level of a socket's optmem against its limit, who held it, and the limit that is enough."""

import msgspec

from zcprobe.analysis.diagnosis.senders import zerocopy_sockets
from zcprobe.format.attachment import Observation, SocketSummary
from zcprobe.format.kernel import SKB_TRUESIZE_ZERO_BYTES

__all__ = ["Enough", "Pressed", "enough_optmem", "pressed_sockets", "reached_limit", "unread_share"]

_CLOSE = 0.8
"""Share of the limit above which a sampled level counts as close to it. Samples are 0.1 s apart or more and a level can
swing by the sends of one round trip in between, so the last fifth is no safe distance. Levels that the probes read at
each send need no such margin: the kernel either refused a call or it did not."""


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """A socket with too little optmem. `refused`: its send calls that optmem refused, None where causes were not seen.
    `is_full`: the level left no room for one more notification."""

    socket: SocketSummary
    refused: int | None
    is_full: bool


class Enough(msgspec.Struct, frozen=True, kw_only=True):
    """`limit_bytes`: a power of two at or above what is needed. `why`: the formula with its numbers, in words."""

    limit_bytes: int
    why: str


def reached_limit(socket: SocketSummary) -> bool:
    """Whether at the highest level seen the kernel would have refused another notification: sock_omalloc() does so when
    the level plus SKB_TRUESIZE(0) exceeds the limit."""
    if socket.optmem_peak_bytes is None or socket.optmem_max_bytes is None:
        return False
    return socket.optmem_peak_bytes + SKB_TRUESIZE_ZERO_BYTES > socket.optmem_max_bytes


def _came_close(socket: SocketSummary) -> bool:
    if socket.optmem_peak_bytes is None or not socket.optmem_max_bytes:
        return False
    return socket.optmem_peak_bytes >= _CLOSE * socket.optmem_max_bytes


def pressed_sockets(seen: Observation) -> list[Pressed]:
    """The zerocopy sockets that optmem refused or, where causes were not seen, that came close to their limit; those
    with most refusals first."""
    found = []
    for socket in zerocopy_sockets(seen):
        refused = None if socket.enobufs_causes is None else socket.enobufs_causes.get("optmem", 0)
        is_full = reached_limit(socket)
        unexplained = refused is None and socket.enobufs != 0 and (is_full or _came_close(socket))
        if refused or unexplained:
            found.append(Pressed(socket=socket, refused=refused, is_full=is_full))
    return sorted(found, key=lambda pressed: -(pressed.refused or 0))


def unread_share(socket: SocketSummary) -> float | None:
    """The part of the charges that unread notifications held: of all charges at the refusals, or else of the two
    holders' peaks. None if holders were not seen."""
    at_refusals = socket.enobufs_unread_bytes, socket.enobufs_in_flight_bytes
    for unread, in_flight in (at_refusals, (socket.unread_peak_bytes, socket.in_flight_peak_bytes)):
        if unread is not None and in_flight is not None and unread + in_flight > 0:
            return unread / (unread + in_flight)
    return None


def enough_optmem(socket: SocketSummary) -> Enough | None:
    """The limit with which the socket's sends in flight fit; None if its level was not seen.

    For n notifications of the charge T the kernel needs baseline + (n - 1) T + 576 bytes. What n would have been is not
    seen once the limit was reached, so n is twice the notifications that filled it, or as many as TCP can have in
    flight if that is more: the send buffer over the size of a send, and one more that is being sent. The limit is
    rounded up to a power of two."""
    charge, peak = socket.charge_bytes, socket.optmem_peak_bytes
    if peak is None or not charge:
        return None
    baseline = socket.optmem_baseline_bytes or 0
    filled = max(-(-(peak - baseline) // charge), 1)
    count, why = 2 * filled, f"twice the {filled:,} notifications that filled it"
    if socket.sndbuf_bytes and socket.send_bytes_median:
        fitting = socket.sndbuf_bytes // socket.send_bytes_median + 1
        if fitting > count:
            count = fitting
            why = (
                f"{fitting:,} notifications: sends of {socket.send_bytes_median:,} bytes in a send buffer of"
                f" {socket.sndbuf_bytes:,}, and one more"
            )
    needed = baseline + (count - 1) * charge + SKB_TRUESIZE_ZERO_BYTES
    return Enough(
        limit_bytes=1 << (needed - 1).bit_length(),
        why=f"{why}, at {charge:,} bytes each; rounded up to a power of two",
    )
