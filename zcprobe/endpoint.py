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
    """The address family of `vsock:CID`, an IPv6 address, or else IPv4. HostError when this kernel has no vsock."""
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
    """Whether a resolver can be asked for this name. Python raises several kinds of errors for names that it cannot
    encode."""
    try:
        labels = (address if address.isascii() else address.encode("idna").decode()).rstrip(".").split(".")
    except UnicodeError:
        return False
    return all(0 < len(label) < 64 for label in labels)


def socket_address(address: str, port: int) -> tuple[Any, ...]:
    """The address as bind() and connect() take it. UsageError when it is neither an address nor a possible host name,
    or is a vsock context without a valid number."""
    if not address.startswith("vsock:"):
        if not _is_name(address):
            raise UsageError(f"{shown(address)} is not a valid host name", "give a name or an address")
        return (address, port)
    context = address.removeprefix("vsock:")
    if not re.fullmatch(r"[0-9]{1,10}", context) or int(context) >= 2**32:
        raise UsageError(
            f"{shown(address)} is not a valid vsock context",
            "give vsock:CID: 1 is this host to itself, 2 the host of a guest, 4294967295 any",
        )
    return (int(context), port)


def of_any_family(connection: socket.socket) -> socket.socket:
    """The same socket under another family. Python refuses options that are not an int on a vsock socket, going by the
    family that it was told; the kernel takes them."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=os.dup(connection.fileno()))


def hang_up(connection: socket.socket) -> None:
    """Closes the connection at once (SO_LINGER 0): the kernel throws away what the peer has not taken, instead of
    trying for minutes to deliver it, and keeps nothing of the connection."""
    with suppress(OSError), of_any_family(connection) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
