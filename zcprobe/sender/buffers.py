# SPDX-License-Identifier: GPL-2.0-only
"""Memory for what a sender sends: the files from which its buffers are mapped, and the hint if there is no memory."""

import os
from contextlib import ExitStack

from zcprobe.config import RunConfig
from zcprobe.errors import HostError

__all__ = ["open_buffer_files", "room_hint"]


def open_buffer_files(config: RunConfig, stack: ExitStack) -> list[int]:
    """Channel -> descriptor of the unnamed file from which its buffers are mapped, closed with the stack; -1 if they
    are not mapped from a file. HostError.

    The file is sparse and larger than any mapping: it has room for the longest writes in all slots of a channel.
    """
    if config.buffers != "file":
        return [-1] * config.channels
    length = max(1 << 30, 65 * max((size for size, _ in config.sizes), default=0))
    import tempfile  # with its own imports it takes a tenth of a sender's start

    files = []
    try:
        for _ in range(config.channels):
            with tempfile.TemporaryFile() as file:  # has no name, so a killed sender leaves nothing behind
                fd = os.dup(file.fileno())
            stack.callback(os.close, fd)
            os.ftruncate(fd, length)
            files.append(fd)
    except OSError as error:
        raise HostError(f"buffers cannot have a file: {error.strerror}", room_hint(config)) from error
    return files


def room_hint(config: RunConfig) -> str:
    """The hint that says how a sender gets the memory for its buffers."""
    if config.buffers == "hugepages":
        return "reserve huge pages first: sysctl vm.nr_hugepages"
    if config.buffers == "file":
        return "free space where temporary files go, name another place in TMPDIR, or choose a smaller -l"
    return "free some memory, or choose a smaller -l"
