# SPDX-License-Identifier: GPL-2.0-only
"""The level of a socket's optmem against its limit, and who held it."""

import msgspec

from zcprobe.analysis.diagnosis.senders import zerocopy_sockets
from zcprobe.format.attachment import Observation, SocketSummary
from zcprobe.format.kernel import SKB_TRUESIZE_ZERO_BYTES

__all__ = [
    "DISORDER",
    "Pressed",
    "pressed_sockets",
    "reached_limit",
    "share_of_limit",
    "unread_share",
]

_CLOSE = 0.8
"""Share of the limit above which a sampled level counts as close to it. Samples are 0.1 s apart or more and a level can
swing by the sends of one round trip in between, so the last fifth is no safe distance. Levels that the probes read at
each send need no such margin: the kernel either refused a call or it did not."""

DISORDER = 2
"""Entries of the error queue that show disorder: completions in order merge into the queue's tail, so there is one."""


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """A socket with too little optmem. `refused`: its send calls that optmem refused, None where causes were not seen.
    `is_full`: the level left no room for one more notification."""

    socket: SocketSummary
    refused: int | None
    is_full: bool


def reached_limit(socket: SocketSummary) -> bool:
    """Whether at the highest level seen the kernel would have refused another notification: sock_omalloc() does so when
    the level plus SKB_TRUESIZE(0) exceeds the limit."""
    if socket.optmem_peak_bytes is None or socket.optmem_max_bytes is None:
        return False
    return socket.optmem_peak_bytes + SKB_TRUESIZE_ZERO_BYTES > socket.optmem_max_bytes


def share_of_limit(socket: SocketSummary) -> float:
    """The highest level over the limit; -1 if either was not seen."""
    if socket.optmem_peak_bytes is None or not socket.optmem_max_bytes:
        return -1.0
    return socket.optmem_peak_bytes / socket.optmem_max_bytes


def pressed_sockets(seen: Observation) -> list[Pressed]:
    """The zerocopy sockets that optmem refused or, where causes were not seen, that came close to their limit; those
    with most refusals first, and of equals the fullest."""
    found = []
    for socket in zerocopy_sockets(seen):
        refused = None if socket.enobufs_causes is None else socket.enobufs_causes.get("optmem", 0)
        is_full = reached_limit(socket)
        unexplained = refused is None and socket.enobufs != 0 and (is_full or share_of_limit(socket) >= _CLOSE)
        if refused or unexplained:
            found.append(Pressed(socket=socket, refused=refused, is_full=is_full))
    return sorted(found, key=lambda pressed: (-(pressed.refused or 0), -share_of_limit(pressed.socket)))


def unread_share(socket: SocketSummary) -> float | None:
    """The part of the charges that unread notifications held: of all charges at the refusals, or else of the two
    holders' peaks. None if holders were not seen."""
    at_refusals = socket.enobufs_unread_bytes, socket.enobufs_in_flight_bytes
    for unread, in_flight in (at_refusals, (socket.unread_peak_bytes, socket.in_flight_peak_bytes)):
        if unread is not None and in_flight is not None and unread + in_flight > 0:
            return unread / (unread + in_flight)
    return None
