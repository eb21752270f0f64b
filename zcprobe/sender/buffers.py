"""Memory for a sender's buffers: the files that they are mapped from, and what to suggest when there is no room."""

import os
from contextlib import ExitStack

from zcprobe.config import RunConfig
from zcprobe.errors import HostError

__all__ = ["open_buffer_files", "room_hint"]


def open_buffer_files(config: RunConfig, stack: ExitStack) -> list[int]:
    """For each channel the descriptor of the file that its buffers are mapped from; -1 without `--buffers file`.

    The files have no name, and are closed with the stack. They are sparse, and larger than any mapping: the longest
    write, in as many slots as a channel has. HostError when there is no room for them.
    """
    if config.buffers != "file":
        return [-1] * config.channels
    length = max(1 << 30, 65 * max((size for size, _ in config.sizes), default=0))
    import tempfile  # takes, with its own imports, a tenth of a sender's start

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
    """What a user can do when there is no memory for the buffers of a sender."""
    if config.buffers == "hugepages":
        return "reserve huge pages first: sysctl vm.nr_hugepages"
    if config.buffers == "file":
        return "free space where temporary files go, name another place in TMPDIR, or choose a smaller -l"
    return "free some memory, or choose a smaller -l"
