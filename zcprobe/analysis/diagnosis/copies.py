# SPDX-License-Identifier: GPL-2.0-only
"""Zerocopy sends whose data the kernel copies all the same, so that zerocopy only costs."""

from zcprobe.analysis.diagnosis.senders import (
    MIGRATION_THREADS,
    is_qemu,
    name_of,
    of_sockets,
    total,
    zerocopy_sockets,
)
from zcprobe.format.attachment import Observation, SocketSummary
from zcprobe.format.diagnosis import Diagnosed

__all__ = ["all_copied", "cannot_be_zerocopy"]

_NEARLY_ALL = 0.99
"""The share of copied completions from which all count as copied. The rest may be sends that were dropped on the way,
which complete without a copy."""

_ENOUGH_COMPLETIONS = 16
"""A tap, such as a short tcpdump, copies what passes while it is open. Fewer completions than this can all be due to
one."""

_COPYING_KINDS = {
    "loopback": "the peer is on this host, and the kernel copies what it delivers locally",
    "veth": "its veth pair delivers on this host, and the kernel copies what it delivers locally",
    "tun": "a tun or tap device copies what it passes to its process",
}


def all_copied(seen: Observation) -> Diagnosed | str | None:
    """A benchmark on a path within one host has no such finding: the path is made so, and its report says so."""
    if seen.local_by_design:
        return None
    sockets = zerocopy_sockets(seen)
    copied = [socket for socket in sockets if _is_copied(socket)]
    if not copied:
        return _of_uring(seen) or _unseen(sockets)
    worst = max(copied, key=lambda socket: socket.sends or 0)
    told = total(socket.copied_true for socket in copied)
    counted = "every zerocopy send" if told is None else f"{told:,} of the {_completions(copied):,} completed sends"
    return Diagnosed(
        id="all-copied",
        what=(
            f"On {of_sockets(len(copied), sockets)} the kernel copied the data of {counted}: {_reason(worst)}."
            " Zerocopy then costs more than a plain send, because pages are pinned and notifications are read besides."
        ),
        evidence={
            "socket_count": len(copied),
            "copied_true": told,
            "completions_read": total(socket.completions_read for socket in copied),
            **_device(worst),
        },
        do=_instead(worst),
    )


def cannot_be_zerocopy(seen: Observation) -> Diagnosed | None:
    """What passes the loopback device is always copied, and a unix socket has no zerocopy at all. A program with unix
    sockets is not at fault for that, unless it is a QEMU that migrates: QEMU sets SO_ZEROCOPY on each TCP socket that
    it connects, so if none has it, the migration goes through a unix socket."""
    looped = [socket for socket in zerocopy_sockets(seen) if socket.device_kind == "loopback"]
    if looped:
        worst = max(looped, key=lambda socket: socket.bytes_sent or 0)
        where = f"On {name_of(worst)} zerocopy cannot help: its way is the loopback device, where the kernel copies all"
        return _without_zerocopy(looped, f"{where} data before it is received.", seen)
    unix = [socket for socket in seen.sockets if socket.protocol == "unix"]
    if not unix or zerocopy_sockets(seen) or not _migrates(seen):
        return None
    what = (
        "A migration of QEMU runs, and none of its TCP sockets has SO_ZEROCOPY: it goes through a unix socket, and unix"
        " sockets have no MSG_ZEROCOPY."
    )
    return _without_zerocopy(unix, what, seen)


def _migrates(seen: Observation) -> bool:
    return any(thread.comm.startswith(MIGRATION_THREADS) for thread in seen.threads)


def _without_zerocopy(found: list[SocketSummary], what: str, seen: Observation) -> Diagnosed:
    worst = max(found, key=lambda socket: socket.bytes_sent or 0)
    return Diagnosed(
        id="cannot-be-zerocopy",
        what=what,
        evidence={
            "socket_count": len(found),
            "protocol": worst.protocol,
            "bytes_sent": total(socket.bytes_sent for socket in found),
            "sends": total(socket.sends for socket in found),
            **_device(worst),
        },
        do=(
            "Let the sender connect to the other host directly, without a proxy on this one, or switch zerocopy off."
            f"{' KubeVirt carries migrations through such a proxy.' if is_qemu(seen) else ''}"
        ),
    )


def _is_copied(socket: SocketSummary) -> bool:
    """TCP copies at once where the route's device has no scatter-gather, so that one needs no count."""
    if socket.scatter_gather is False and socket.protocol == "tcp":
        return True
    if socket.copied_true is None:
        return False
    completed = max(socket.completions_read or 0, _ENOUGH_COMPLETIONS)
    return socket.copied_true >= _NEARLY_ALL * completed


def _completions(sockets: list[SocketSummary]) -> int:
    """Sends that nobody read, but that were copied and purged when the socket was closed, are completed too."""
    return sum(max(socket.completions_read or 0, socket.copied_true or 0) for socket in sockets)


def _reason(socket: SocketSummary) -> str:
    device = f"by the device {socket.device}" if socket.device else "by a device that was not seen"
    if socket.scatter_gather is False:
        return f"it leaves {device}, which has no scatter-gather"
    if socket.device_kind in _COPYING_KINDS:
        return f"it leaves {device}, and {_COPYING_KINDS[socket.device_kind]}"
    return f"it leaves {device}; either the peer is on this host, or a packet socket (tcpdump) listens on the device"


def _device(socket: SocketSummary) -> dict[str, int | float | str | None]:
    """What is known of the device on the way, for the evidence."""
    words = {None: None, True: "yes", False: "no"}
    return {
        "device": socket.device,
        "device_kind": socket.device_kind,
        "scatter_gather": words[socket.scatter_gather],
    }


def _instead(socket: SocketSummary) -> str:
    if socket.scatter_gather is False:
        return f"Switch scatter-gather on (`ethtool -K {socket.device or 'DEVICE'} sg on`), or zerocopy off."
    return "Switch zerocopy off for this peer."


def _of_uring(seen: Observation) -> Diagnosed | None:
    uring = seen.uring
    if uring is None or uring.copied_true is None or uring.notifications < _ENOUGH_COMPLETIONS:
        return None
    if uring.copied_true < _NEARLY_ALL * uring.notifications:
        return None
    return Diagnosed(
        id="all-copied",
        what=(
            f"The kernel copied the data of {uring.copied_true:,} of {uring.notifications:,} zerocopy requests of"
            " io_uring, which then only cost more than plain ones."
        ),
        evidence={"copied_true": uring.copied_true, "notification_count": uring.notifications},
        do="Use plain send requests (IORING_OP_SEND) for this peer.",
    )


def _unseen(sockets: list[SocketSummary]) -> str | None:
    return "whether data was copied" if any(socket.copied_true is None for socket in sockets) else None
