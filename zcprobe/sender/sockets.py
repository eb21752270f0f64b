# SPDX-License-Identifier: GPL-2.0-only
"""Options of the sockets that a sender sends on."""

import os
import socket
import sys

from zcprobe.config import SocketOptions
from zcprobe.endpoint import of_any_family
from zcprobe.errors import HostError, UsageError
from zcprobe.host.zerocopy import SO_ZEROCOPY

__all__ = ["enable_zerocopy", "read_cookie", "set_options"]

_SO_MAX_PACING_RATE = 47
_SO_SNDBUFFORCE = 32
_SO_COOKIE = 57


def set_options(data: socket.socket, options: SocketOptions, *, is_tcp: bool) -> None:
    if is_tcp:
        data.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, options.nodelay)
        data.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, options.cork)
    # only the fq qdisc paces other protocols, so for them the sender itself waits: see traffic.c
    if is_tcp and options.pacing_bps is not None:
        data.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, (options.pacing_bps // 8).to_bytes(8, sys.byteorder))
    if options.sndbuf_bytes is not None:
        _set_sndbuf(data, options.sndbuf_bytes)


def _set_sndbuf(data: socket.socket, count: int) -> None:
    """Sets the send buffer, beyond net.core.wmem_max if this process may. UsageError if the kernel sets another
    size."""
    try:
        data.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, count)
    except PermissionError:
        data.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, count)
    made = data.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2
    if made != count:
        raise UsageError(
            f"the kernel made a send buffer of {made} bytes instead of {count}",
            "choose -w of a few KiB or more, and without CAP_NET_ADMIN not above net.core.wmem_max",
        )


def enable_zerocopy(data: socket.socket) -> None:
    try:
        data.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    except OSError as error:
        raise HostError(
            f"this kernel refuses SO_ZEROCOPY on the socket: {os.strerror(error.errno or 0)}",
            "TCP has it since Linux 4.14, UDP since 5.0, vsock since 6.7",
        ) from error


def read_cookie(data: socket.socket) -> int:
    with of_any_family(data) as same:
        return int.from_bytes(same.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8), sys.byteorder)
