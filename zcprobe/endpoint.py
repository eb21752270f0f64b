"""One end of a connection: its address by TCP, UDP or vsock, its options, and how it is hung up."""

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
    """The address family of `vsock:CID`, an IPv6 or an IPv4 address. HostError when this kernel has none such."""
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
    """Whether a resolver can be asked for it: Python raises errors of several kinds for what it cannot encode."""
    try:
        labels = (address if address.isascii() else address.encode("idna").decode()).rstrip(".").split(".")
    except UnicodeError:
        return False
    return all(0 < len(label) < 64 for label in labels)


def socket_address(address: str, port: int) -> tuple[Any, ...]:
    """As bind() and connect() take it. UsageError for what is neither an address nor like the name of a host, and for a
    vsock context that has no number."""
    if not address.startswith("vsock:"):
        if not _is_name(address):
            raise UsageError(f"{shown(address)} is not like the name of any host", "give a name or an address")
        return (address, port)
    context = address.removeprefix("vsock:")
    if not re.fullmatch(r"[0-9]{1,10}", context) or int(context) >= 2**32:
        raise UsageError(
            f"{shown(address)} names no vsock context",
            "give vsock:CID: 1 is this host to itself, 2 the host of a guest, 4294967295 any",
        )
    return (int(context), port)


def of_any_family(connection: socket.socket) -> socket.socket:
    """The same socket, for options that are no int: on vsock Python refuses them, going by the family it was told."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=os.dup(connection.fileno()))


def hang_up(connection: socket.socket) -> None:
    """At once: closing throws away what the peer has not taken, instead of trying for minutes, and nothing of the
    connection stays in the kernel."""
    with suppress(OSError), of_any_family(connection) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
