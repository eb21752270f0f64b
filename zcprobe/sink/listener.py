# SPDX-License-Identifier: GPL-2.0-only
"""Opens the socket on which a sink listens."""

import errno
import socket

from zcprobe.config import MAX_PORT
from zcprobe.endpoint import socket_address, socket_family
from zcprobe.errors import UsageError

__all__ = ["listen"]

_BACKLOG = 4096


def listen(address: str, port: int) -> socket.socket:
    """A listening socket; UsageError if the address is in use or does not belong to this host."""
    if not 0 <= port <= MAX_PORT:
        raise UsageError(f"{port} is not a valid port", f"choose one from 1 to {MAX_PORT} with -p")
    where = socket_address(address, port)
    server = socket.socket(socket_family(address), socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(where)
        server.listen(_BACKLOG)
    except OSError as error:
        server.close()
        raise UsageError(
            f"the sink cannot listen on {address} port {port}: {error.strerror}",
            "choose another port with -p, or end the process that uses it (ss -ltnp shows it)"
            if error.errno == errno.EADDRINUSE
            else "give an address of this host with -B (ip address shows them), and a port that you may use with -p",
        ) from error
    return server
