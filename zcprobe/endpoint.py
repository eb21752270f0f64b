# SPDX-License-Identifier: GPL-2.0-only
"""One end of a connection: its address for TCP, UDP or vsock, its options, and how to hang up."""

import os
import re
import socket
import struct
from contextlib import suppress
from typing import Any

from zcprobe.errors import HostError, UsageError
from zcprobe.units import shown

__all__ = ["hang_up", "of_any_family", "socket_address", "socket_family"]


def socket_family(address: str) -> int:
    """The address family of `vsock:CID`, or of an IPv6 or IPv4 address. HostError if this kernel lacks vsock."""
    if not address.startswith("vsock:"):
        return socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
    except OSError as error:
        raise HostError(
            f"this kernel has no vsock: {error.strerror}", "load vsock_loopback or vhost_vsock (CONFIG_VSOCKETS)"
        ) from error
    return socket.AF_VSOCK


def _is_name(address: str) -> bool:
    """Whether the name can be given to a resolver. Python raises errors of several kinds for names that it cannot
    encode."""
    try:
        labels = (address if address.isascii() else address.encode("idna").decode()).rstrip(".").split(".")
    except UnicodeError:
        return False
    return all(0 < len(label) < 64 for label in labels)


def socket_address(address: str, port: int) -> tuple[Any, ...]:
    """The address in the form that bind() and connect() take. UsageError if it is neither an address nor a possible
    host name, or if a vsock context is not a number."""
    if not address.startswith("vsock:"):
        if not _is_name(address):
            raise UsageError(f"{shown(address)} cannot be the name of a host", "give a name or an address")
        return (address, port)
    context = address.removeprefix("vsock:")
    if not re.fullmatch(r"[0-9]{1,10}", context) or int(context) >= 2**32:
        raise UsageError(
            f"{shown(address)} does not name a vsock context",
            "give vsock:CID: 1 is this host itself, 2 a guest's host, 4294967295 any",
        )
    return (int(context), port)


def of_any_family(connection: socket.socket) -> socket.socket:
    """The same socket, for options that are not an int. For a socket that it knows as vsock, Python refuses such
    options."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=os.dup(connection.fileno()))


def hang_up(connection: socket.socket) -> None:
    """Hangs up at once: closing discards data that the peer has not accepted, instead of retrying for minutes, and
    nothing of the connection stays in the kernel."""
    with suppress(OSError), of_any_family(connection) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
