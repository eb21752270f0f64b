# SPDX-License-Identifier: GPL-2.0-only
"""A TCP connection of this process to itself."""

import socket
import time
from contextlib import ExitStack

__all__ = ["loopback_pair"]


def loopback_pair(timeout_s: float) -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection on 127.0.0.1; operations on each time out after `timeout_s`. OSError.

    Connections from others on this host are closed. Accepting whoever connects first could mean waiting for a
    stranger's bytes.
    """
    deadline_s = time.monotonic() + timeout_s
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        sender = stack.enter_context(socket.create_connection(listener.getsockname(), timeout=timeout_s))
        while True:
            listener.settimeout(max(deadline_s - time.monotonic(), 0.001))
            receiver, address = listener.accept()
            if address == sender.getsockname():
                break
            receiver.close()
        receiver.settimeout(timeout_s)
        stack.pop_all()
        listener.close()
    return sender, receiver
