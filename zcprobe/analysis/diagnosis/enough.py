# SPDX-License-Identifier: GPL-2.0-only
"""The limit that is enough for a socket, from what was seen of it."""

import msgspec

from zcprobe.analysis.demand import Demand
from zcprobe.analysis.diagnosis.limit import DISORDER, reached_limit
from zcprobe.analysis.diagnosis.senders import bytes_per_send
from zcprobe.analysis.prediction import MERGED, Prediction, predict
from zcprobe.format.attachment import SocketSummary
from zcprobe.format.kernel import DEFAULT_TCP_SNDBUF_MAX_BYTES, most_sends_in_flight, optmem_for

__all__ = ["Enough", "enough_optmem", "predict_socket"]

_ON_ITS_OWN = 8
"""From so many readings on that no refusal explains, a sender reads its error queue on its own, and not only at the
end."""

_AT_MOST = 2
"""How much longer than on average a sender may wait between two readings."""

_ORDER_UNSEEN = "Whether sends complete in order was not seen, because that takes probes."


class Enough(msgspec.Struct, frozen=True, kw_only=True):
    """`limit_bytes`: a power of two at or above what is needed. `is_bound`: more can never be in flight; else it is
    the next limit to try. `why`: the formula with its numbers, in words."""

    limit_bytes: int
    is_bound: bool
    why: str


def enough_optmem(socket: SocketSummary) -> Enough | None:
    """The limit with which the socket's sends in flight fit, rounded up to a power of two; None if its level was not
    seen.

    The send buffer bounds the number of sends in flight: TCP has no more. That bound does not hold if more than it
    allows filled the limit, or completions come out of order: something then keeps data that is acknowledged. Nor does
    it where the size of sends was not seen. What it would be without the limit is not known then, so it is doubled."""
    charge, filled = socket.charge_bytes, _filled(socket)
    if not charge or filled is None:
        return None
    found = predict_socket(socket)
    is_bound = _explains(socket, filled) and found is not None and found.optmem_max_bytes is not None
    if found is not None and found.optmem_max_bytes is not None and is_bound:
        needed, why = found.optmem_max_bytes, _lets_out(socket, found.unacknowledged_sends)
    else:
        count = max(2 * filled, _bound(socket) or 0)
        needed = optmem_for(count, charge) + (socket.optmem_baseline_bytes or 0)
        why = f"twice the {filled:,} notifications that filled it"
        if count == _bound(socket):
            why = _lets_out(socket, count)
    return Enough(
        limit_bytes=1 << (needed - 1).bit_length(),
        is_bound=is_bound,
        why=f"{why}, at {charge:,} bytes each; rounded up to a power of two",
    )


def predict_socket(socket: SocketSummary) -> Prediction | None:
    """What the socket needs; None for other protocols than TCP, and if its level, its charge or the size of its sends
    was not seen.

    What the send buffer does not explain counts as late sends. If the limit stopped the sender, more may be late
    without it, so twice as many are assumed."""
    size, filled, charge = bytes_per_send(socket), _filled(socket), socket.charge_bytes
    if socket.protocol != "tcp" or not size or filled is None or not charge:
        return None
    held = _held(socket, filled, charge) * (2 if reached_limit(socket) else 1)
    demand = Demand(
        send_bytes=size,
        charge_bytes=charge,
        sndbuf_bytes=_sndbuf_bytes(socket),
        late_sends=0 if _explains(socket, filled) else max(held - (_bound(socket) or 0), 0),
        entries_per_send=_entries_per_send(socket),
        read_every_sends=_read_every_sends(socket),
        baseline_bytes=socket.optmem_baseline_bytes or 0,
    )
    if socket.optmem_max_bytes:
        demand = msgspec.structs.replace(demand, optmem_max_bytes=socket.optmem_max_bytes)
    found = predict(demand)
    if socket.errqueue_depth_max is None:
        return msgspec.structs.replace(found, assumptions=[*found.assumptions, _ORDER_UNSEEN])
    return found


def _filled(socket: SocketSummary) -> int | None:
    """Notifications at the highest level seen."""
    if socket.optmem_peak_bytes is None or not socket.charge_bytes:
        return None
    return max(-(-(socket.optmem_peak_bytes - (socket.optmem_baseline_bytes or 0)) // socket.charge_bytes), 1)


def _held(socket: SocketSummary, filled: int, charge_bytes: int) -> int:
    """Sends in flight at most, as far as the holders were seen; else all that filled the limit."""
    if socket.in_flight_peak_bytes is not None:
        return socket.in_flight_peak_bytes // charge_bytes
    refusals = (socket.enobufs_causes or {}).get("optmem")
    if refusals and socket.enobufs_in_flight_bytes is not None:
        return socket.enobufs_in_flight_bytes // refusals // charge_bytes
    return filled


def _is_ordered(socket: SocketSummary) -> bool:
    return (socket.errqueue_depth_max or 0) < DISORDER


def _explains(socket: SocketSummary, filled: int) -> bool:
    """Whether the send buffer explains what filled the limit."""
    bound = _bound(socket)
    return bound is not None and bound + MERGED >= filled and _is_ordered(socket) and bool(socket.send_bytes_median)


def _bound(socket: SocketSummary) -> int | None:
    """How many sends TCP can have in flight; None for other protocols and where no size was seen."""
    size = bytes_per_send(socket)
    return most_sends_in_flight(_sndbuf_bytes(socket), size) if socket.protocol == "tcp" and size else None


def _sndbuf_bytes(socket: SocketSummary) -> int:
    """A send buffer may still have grown when the limit stopped it, so the size that TCP allows counts too."""
    return max(socket.sndbuf_bytes or 0, DEFAULT_TCP_SNDBUF_MAX_BYTES)


def _entries_per_send(socket: SocketSummary) -> float:
    """Notifications that were read for each completed send, which an unhurried reader sees only out of order; of a
    sender that reads nothing, those on its queue for each send."""
    if _is_ordered(socket):
        return 0.0
    if socket.notifications_read and socket.completions_read:
        return min(socket.notifications_read / socket.completions_read, 1.0)
    return min((socket.errqueue_depth_max or 0) / max(socket.sends or 0, 1), 1.0)


def _read_every_sends(socket: SocketSummary) -> int | None:
    """None if the sender reads its queue only when a send is refused, or never: with a higher limit it reads later."""
    refused = socket.enobufs or 0
    others = (socket.flushes or 0) - refused
    if not socket.sends or others < max(_ON_ITS_OWN, refused):
        return None
    return _AT_MOST * -(-socket.sends // others)


def _lets_out(socket: SocketSummary, count: int) -> str:
    size = bytes_per_send(socket) or 0
    return f"a send buffer of {_sndbuf_bytes(socket):,} bytes lets out {count:,} sends of {size:,} bytes at most"
