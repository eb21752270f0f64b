# SPDX-License-Identifier: GPL-2.0-only
"""optmem ran out, because of sends in flight, of notifications that nobody read, or of both."""

from zcprobe.analysis.diagnosis.enough import enough_optmem, predict_socket
from zcprobe.analysis.diagnosis.limit import DISORDER, Pressed, pressed_sockets, unread_share
from zcprobe.analysis.diagnosis.senders import (
    counted,
    is_qemu,
    most_frequent,
    name_of,
    of_sockets,
    total,
    zerocopy_sockets,
)
from zcprobe.format.attachment import Observation, SocketSummary
from zcprobe.format.diagnosis import Diagnosed
from zcprobe.format.holders import UNKNOWN_HOLDER
from zcprobe.units import format_duration_ns

__all__ = ["limit_too_small", "unread_out_of_order"]

_WORTH_TREATING = 0.25
"""The share of the charges from which a holder is worth treating. Below a quarter, removing all that it holds makes
room for less than a third more of what the other one holds. So in a mixture both findings hold."""

_HALF = 0.5
"""The share of the limit above which unread notifications are reported although no send was refused: sends in flight
then have less than half of the limit."""


def limit_too_small(seen: Observation) -> Diagnosed | str | None:
    """Sends in flight alone hold a good part of optmem, or nobody knows who holds it, or a single notification fills
    what is left of it: a higher limit is the cure."""
    pressed = [
        one for one in pressed_sockets(seen) if _is_filled_in_flight(one.socket) or not _is_filled_unread(one.socket)
    ]
    if not pressed:
        return _unseen(seen)
    worst = pressed[0].socket
    enough, share = enough_optmem(worst), unread_share(worst)
    held = "" if share is None else f" At that time sends in flight held {1 - share:.0%} of it."
    return Diagnosed(
        id="limit-too-small",
        what=f"{_refusals(pressed, seen)}{held}",
        evidence={
            **_levels(pressed, worst),
            "in_flight_share": None if share is None else round(1 - share, 3),
            "optmem_enough_bytes": enough.limit_bytes if enough else None,
            "enough_is": ("a bound" if enough.is_bound else "a guess") if enough else None,
        },
        do=_raise_limit(worst),
    )


def unread_out_of_order(seen: Observation) -> Diagnosed | str | None:
    """Completions that came out of order cannot merge, so each of them keeps its charge until somebody reads it."""
    pressed = pressed_sockets(seen)
    fragmented = [one for one in pressed if _is_filled_unread(one.socket)] + _full_of_unread(seen, pressed)
    if not fragmented:
        return _unseen(seen)
    worst = max((one.socket for one in fragmented), key=lambda socket: socket.errqueue_depth_max or 0)
    sockets = [one.socket for one in fragmented]
    readers = counted(socket.readers for socket in sockets)
    holders = _known(counted(socket.late_holders for socket in sockets))
    share = unread_share(worst)
    held = "" if share is None else f", {share:.0%} of what optmem held"
    return Diagnosed(
        id="unread-out-of-order",
        what=(
            f"On {name_of(worst)} up to {worst.errqueue_depth_max:,} notifications waited to be read{held}: they came"
            f" out of order and could not merge. {_reading(readers, worst)}{_late(holders)}"
        ),
        evidence={
            **_levels(fragmented, worst),
            "errqueue_depth_max": worst.errqueue_depth_max,
            "unread_share": None if share is None else round(share, 3),
            "tail_lo": worst.tail_lo,
            "tail_hi": worst.tail_hi,
            "notifications_read": total(socket.notifications_read for socket in sockets),
            "reader": most_frequent(readers),
            "last_read_ns_ago": worst.last_read_ns_ago,
            "late_holder": most_frequent(holders),
        },
        do=(
            f"Let the sender read its error queue until EAGAIN, {_when(worst)}."
            f"{' QEMU reads it at ENOBUFS from 10.2 on.' if is_qemu(seen) else ''}"
        ),
    )


def _is_filled_in_flight(socket: SocketSummary) -> bool:
    share = unread_share(socket)
    return share is None or 1 - share >= _WORTH_TREATING


def _is_filled_unread(socket: SocketSummary) -> bool:
    share = unread_share(socket)
    return share is not None and share >= _WORTH_TREATING and _is_fragmented(socket)


def _is_fragmented(socket: SocketSummary) -> bool:
    return socket.errqueue_depth_max is not None and socket.errqueue_depth_max >= DISORDER


def _full_of_unread(seen: Observation, pressed: list[Pressed]) -> list[Pressed]:
    """The sockets that are not pressed yet, but whose unread notifications hold half of the limit."""
    known = [one.socket for one in pressed]
    return [
        Pressed(socket=socket, refused=None, is_full=False)
        for socket in zerocopy_sockets(seen)
        if socket not in known
        and _is_fragmented(socket)
        and socket.unread_peak_bytes is not None
        and socket.optmem_max_bytes
        and socket.unread_peak_bytes > _HALF * socket.optmem_max_bytes
    ]


def _levels(pressed: list[Pressed], worst: SocketSummary) -> dict[str, int | float | str | None]:
    return {
        "socket_count": len(pressed),
        "enobufs_optmem_count": total(one.refused for one in pressed),
        "optmem_baseline_bytes": worst.optmem_baseline_bytes,
        "optmem_peak_bytes": worst.optmem_peak_bytes,
        "optmem_max_bytes": worst.optmem_max_bytes,
        "charge_bytes": worst.charge_bytes,
    }


def _refusals(pressed: list[Pressed], seen: Observation) -> str:
    """How many calls were refused for want of optmem, or how close the level came."""
    worst = pressed[0].socket
    where = of_sockets(len(pressed), zerocopy_sockets(seen))
    refused = total(one.refused for one in pressed) or total(one.socket.enobufs for one in pressed)
    limit = f"optmem was at {worst.optmem_peak_bytes or 0:,} of {worst.optmem_max_bytes or 0:,} bytes"
    if refused:
        calls = "one send call" if refused == 1 else f"{refused:,} send calls"
        return f"On {where} {calls} returned ENOBUFS for want of optmem: {limit}."
    if pressed[0].is_full:
        return f"On {where} {limit}: the kernel refuses the next send."
    return f"On {where} {limit} in a sample, and peaks between samples are missed."


def _raise_limit(socket: SocketSummary) -> str:
    where = "in the sender's network namespace (before Linux 6.8: on the host)"
    enough = enough_optmem(socket)
    if enough is None:
        return f"Raise net.core.optmem_max {where}, and look again."
    if enough.limit_bytes <= (socket.optmem_max_bytes or 0):
        return f"Leave net.core.optmem_max as it is now, {socket.optmem_max_bytes:,}, {where}: {enough.why}."
    again = "" if enough.is_bound else ", and look again, because more may be in flight without that limit"
    return f"Set net.core.optmem_max to {enough.limit_bytes} {where}{again}: {enough.why}.{_besides(socket)}"


def _besides(socket: SocketSummary) -> str:
    """What a higher limit does not cure."""
    found = predict_socket(socket)
    if found is None or found.unread_notifications is not None:
        return ""
    return " No limit is enough alone: unread notifications pile up, so the sender must read its error queue as well."


def _when(socket: SocketSummary) -> str:
    """When to read the error queue, and how often at least where that is known."""
    found = predict_socket(socket)
    if found is None or found.read_every_sends is None or found.read_at_optmem_max_bytes is None:
        return "at each ENOBUFS and whenever poll reports POLLERR"
    return (
        f"at each ENOBUFS, whenever poll reports POLLERR, and at least every {found.read_every_sends:,} sends (with"
        f" net.core.optmem_max of {found.read_at_optmem_max_bytes})"
    )


def _reading(readers: dict[str, int] | None, worst: SocketSummary) -> str:
    if readers is None:
        return "Who reads the queue was not seen."
    if not readers:
        return "Nobody read the queue."
    ago = worst.last_read_ns_ago
    last = "" if ago is None else f", the last time {format_duration_ns(ago)} before the end"
    reader = most_frequent(readers)
    assert reader is not None
    return f"{reader} read {readers[reader]:,} notifications{last}."


def _known(holders: dict[str, int] | None) -> dict[str, int]:
    """The holders that were seen: the others have no name."""
    return {name: count for name, count in (holders or {}).items() if name not in ("", UNKNOWN_HOLDER)}


def _late(holders: dict[str, int]) -> str:
    if not holders:
        return ""
    holder = most_frequent(holders)
    assert holder is not None
    return f" The data of {holders[holder]:,} late completions was held last by {holder}."


def _unseen(seen: Observation) -> str | None:
    unknown = any(socket.optmem_peak_bytes is None for socket in zerocopy_sockets(seen))
    return "the level of optmem" if unknown else None
