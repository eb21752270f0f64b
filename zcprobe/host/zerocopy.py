# SPDX-License-Identifier: GPL-2.0-only
"""One MSG_ZEROCOPY send over loopback: whether it works here, and what its notification costs."""

import errno
import select
import socket
import struct
import time

import msgspec

from zcprobe.errors import HostError
from zcprobe.host.loopback import loopback_pair

__all__ = ["SO_ZEROCOPY", "ZerocopyTrial", "try_so_zerocopy", "try_zerocopy_send"]

# Python's socket module lacks these values of the kernel's socket.h, in.h and errqueue.h.
SO_ZEROCOPY = 60
SO_MEMINFO = 55
SK_MEMINFO_OPTMEM = 6
SK_MEMINFO_VARS = 9
MSG_ZEROCOPY = 0x4000000
MSG_ERRQUEUE = 0x2000
IP_RECVERR = 11
SO_EE_ORIGIN_ZEROCOPY = 5
SO_EE_CODE_ZEROCOPY_COPIED = 1

_EXTENDED_ERROR = struct.Struct("=IBBBxII")
"""struct sock_extended_err: ee_errno, ee_origin, ee_type, ee_code, ee_info (lo), ee_data (hi)."""

_SEND_BYTES = 65536
_TIMEOUT_MS = 2000


class ZerocopyTrial(msgspec.Struct, frozen=True, kw_only=True):
    """`charge_bytes` is the optmem that one unread notification holds: the truesize of its skb on this kernel."""

    send_ns: int
    completion_ns: int
    charge_bytes: int
    copied: bool


def _read_optmem_bytes(connection: socket.socket) -> int:
    """The socket's sk_omem_alloc."""
    values = connection.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * SK_MEMINFO_VARS)
    return int(struct.unpack(f"={SK_MEMINFO_VARS}I", values)[SK_MEMINFO_OPTMEM])


def try_so_zerocopy() -> None:
    """Sets SO_ZEROCOPY on a new TCP socket; HostError when the kernel refuses."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        except OSError as error:
            raise HostError(f"SO_ZEROCOPY is refused: {error.strerror}", "TCP has it since Linux 4.14") from error


def _wait_for_notification(sender: socket.socket) -> None:
    # A non-empty error queue raises POLLERR, which poll reports without being asked.
    poller = select.poll()
    poller.register(sender, 0)
    if not poller.poll(_TIMEOUT_MS):
        raise HostError("a zerocopy send got no completion notification", "check that the loopback interface is up")


def _read_notification(sender: socket.socket) -> bool:
    """Reads the notification of send 0 and returns whether the kernel copied. HostError if the queue holds anything
    else."""
    _, control, _, _ = sender.recvmsg(0, 512, MSG_ERRQUEUE)
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_IP, IP_RECVERR):
            number, origin, _, code, lo, hi = _EXTENDED_ERROR.unpack_from(data)
            if (number, origin, lo, hi) == (0, SO_EE_ORIGIN_ZEROCOPY, 0, 0):
                return bool(code & SO_EE_CODE_ZEROCOPY_COPIED)
    raise HostError(
        f"expected a zerocopy notification on the error queue, got {control!r}", "report this kernel's release"
    )


def _hint(number: int | None) -> str:
    if number == errno.ENOBUFS:
        return "see optmem and memlock: one of these limits leaves no room for a notification"
    return "bring the loopback interface up: ip link set lo up"


def try_zerocopy_send() -> ZerocopyTrial:
    """Sends 64 KiB over loopback and reads optmem while the notification is unread.

    HostError when any step fails: no loopback, SO_ZEROCOPY refused, sendmsg refused, no notification.
    """
    payload = bytes(_SEND_BYTES)
    try:
        sender, receiver = loopback_pair(_TIMEOUT_MS / 1000)
        with sender, receiver:
            sender.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
            before_bytes = _read_optmem_bytes(sender)
            start_ns = time.monotonic_ns()
            sender.send(payload, MSG_ZEROCOPY)
            sent_ns = time.monotonic_ns()
            # Reading triggers the ACK that completes the send; without it the ACK comes 40 ms later.
            receiver.recv(_SEND_BYTES)
            _wait_for_notification(sender)
            completed_ns = time.monotonic_ns()
            charge_bytes = _read_optmem_bytes(sender) - before_bytes
            copied = _read_notification(sender)
    except OSError as error:
        raise HostError(f"a zerocopy send over loopback failed: {error}", _hint(error.errno)) from error
    return ZerocopyTrial(
        send_ns=sent_ns - start_ns, completion_ns=completed_ns - start_ns, charge_bytes=charge_bytes, copied=copied
    )
