# SPDX-License-Identifier: GPL-2.0-only
"""Open files that one process hands to another, so that the writer needs no right to open them."""

import errno
import os
import socket
from collections.abc import Sequence

from zcprobe.errors import HostError

__all__ = ["hand_files", "take_files"]

_FILES_PER_MESSAGE = 4
"""Most files in one message. For more the kernel would need memory that counts against optmem_max, which may be 0."""


def hand_files(connection: socket.socket, descriptors: Sequence[int]) -> None:
    """Sends the files, which stay open here. OSError."""
    for first in range(0, len(descriptors), _FILES_PER_MESSAGE):
        socket.send_fds(connection, [b"\0"], descriptors[first : first + _FILES_PER_MESSAGE])


def take_files(connection: socket.socket, count: int) -> list[int]:
    """The files that one call of `hand_files` sent. HostError if this process may not have that many open; OSError."""
    taken: list[int] = []
    while len(taken) < count:
        wanted = min(count - len(taken), _FILES_PER_MESSAGE)
        _, more, _, _ = socket.recv_fds(connection, 1, wanted, socket.MSG_CMSG_CLOEXEC)
        taken += more
        if len(more) < wanted:
            break
    if len(taken) == count:
        return taken
    for fd in taken:
        os.close(fd)
    raise HostError(
        f"the files for records cannot be received: {os.strerror(errno.EMFILE)}",
        "raise the limit of open files (ulimit -n)",
    )
