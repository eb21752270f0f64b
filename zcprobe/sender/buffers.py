"""Room for what a sender sends: the files that its buffers are mapped from, and what to say where there is none."""

import os
from contextlib import ExitStack

from zcprobe.config import RunConfig
from zcprobe.errors import HostError

__all__ = ["open_buffer_files", "room_hint"]


def open_buffer_files(config: RunConfig, stack: ExitStack) -> list[int]:
    """Channel -> the file that its buffers are mapped from, without a name, closed with the stack; -1 where they are
    not of a file. HostError.

    Sparse, and larger than any mapping: the longest writes, in as many slots as a channel has.
    """
    if config.buffers != "file":
        return [-1] * config.channels
    length = max(1 << 30, 65 * max((size for size, _ in config.sizes), default=0))
    import tempfile  # with what it imports in turn, a tenth of a sender's start

    files = []
    try:
        for _ in range(config.channels):
            with tempfile.TemporaryFile() as file:  # without a name, so that a killed sender does not leave it behind
                fd = os.dup(file.fileno())
            stack.callback(os.close, fd)
            os.ftruncate(fd, length)
            files.append(fd)
    except OSError as error:
        raise HostError(f"buffers cannot have a file: {error.strerror}", room_hint(config)) from error
    return files


def room_hint(config: RunConfig) -> str:
    """What gives a sender that cannot start the memory for its buffers."""
    if config.buffers == "hugepages":
        return "reserve huge pages first: sysctl vm.nr_hugepages"
    if config.buffers == "file":
        return "free space where temporary files go, name another place in TMPDIR, or choose a smaller -l"
    return "free some memory, or choose a smaller -l"
