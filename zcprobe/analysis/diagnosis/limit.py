# SPDX-License-Identifier: GPL-2.0-only
"""The level of a socket's optmem against its limit, who held it, and the limit that is enough."""

import msgspec

from zcprobe.analysis.diagnosis.senders import bytes_per_send, zerocopy_sockets
from zcprobe.format.attachment import Observation, SocketSummary
from zcprobe.format.kernel import DEFAULT_TCP_SNDBUF_MAX_BYTES, SKB_TRUESIZE_ZERO_BYTES, most_sends_in_flight

__all__ = [
    "DISORDER",
    "Enough",
    "Pressed",
    "enough_optmem",
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


class Enough(msgspec.Struct, frozen=True, kw_only=True):
    """`limit_bytes`: a power of two at or above what is needed. `is_bound`: more can never be in flight; else it is
    the next limit to try. `why`: the formula with its numbers, in words."""

    limit_bytes: int
    is_bound: bool
    why: str


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


def enough_optmem(socket: SocketSummary) -> Enough | None:
    """The limit with which the socket's sends in flight fit; None if its level was not seen.

    For n notifications of the charge T the kernel needs baseline + (n - 1) T + 576 bytes. The send buffer bounds n: TCP
    has no more in flight (`most_sends_in_flight`). That bound does not hold if more than it allows filled the limit, or
    completions come out of order: something then keeps data that is acknowledged. Nor does it where the size of sends
    was not seen. What n would be without the limit is not known then, so it is doubled. The limit is rounded up to a
    power of two."""
    charge, peak = socket.charge_bytes, socket.optmem_peak_bytes
    if peak is None or not charge:
        return None
    baseline = socket.optmem_baseline_bytes or 0
    filled = max(-(-(peak - baseline) // charge), 1)
    bound, is_ordered = _bound(socket), (socket.errqueue_depth_max or 0) < DISORDER
    is_bound = bound is not None and bound >= filled and is_ordered and socket.send_bytes_median is not None
    count = bound if is_bound and bound is not None else max(2 * filled, bound or 0)
    needed = baseline + (count - 1) * charge + SKB_TRUESIZE_ZERO_BYTES
    return Enough(
        limit_bytes=1 << (needed - 1).bit_length(),
        is_bound=is_bound,
        why=f"{_why(socket, count, filled)}, at {charge:,} bytes each; rounded up to a power of two",
    )


def _bound(socket: SocketSummary) -> int | None:
    """How many sends TCP can have in flight; None for other protocols and where no size was seen."""
    size = bytes_per_send(socket)
    return most_sends_in_flight(_sndbuf_bytes(socket), size) if socket.protocol == "tcp" and size else None


def _sndbuf_bytes(socket: SocketSummary) -> int:
    """A send buffer may still have grown when the limit stopped it, so the size that TCP allows counts too."""
    return max(socket.sndbuf_bytes or 0, DEFAULT_TCP_SNDBUF_MAX_BYTES)


def _why(socket: SocketSummary, count: int, filled: int) -> str:
    size = bytes_per_send(socket)
    if count == _bound(socket) and size:
        return f"a send buffer of {_sndbuf_bytes(socket):,} bytes lets out {count:,} sends of {size:,} bytes at most"
    return f"twice the {filled:,} notifications that filled it"
