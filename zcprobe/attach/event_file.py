# SPDX-License-Identifier: GPL-2.0-only
"""The file to which the probes' events go while processes are watched, and which is read meanwhile."""

import os
from collections.abc import Callable
from pathlib import Path

from zcprobe.native import ffi

__all__ = ["EVENT_BYTES", "EventFile"]

EVENT_BYTES = ffi.sizeof("struct zc_kernel_event")
_MOST_AT_ONCE = 1 << 20
_MOST_WAITING = 16 << 20


class EventFile:
    """A file of `struct zc_kernel_event` at `path`, of at most `limit_bytes`. Without a path it is memory, at most
    16 MiB, and what was read gives its room back. OutputError if the file cannot be made."""

    def __init__(self, path: Path | None = None, limit_bytes: int = _MOST_WAITING) -> None:
        self._is_memory = path is None
        if path is None:
            self._fd = os.memfd_create("zcprobe-events", os.MFD_CLOEXEC)
            path = Path(f"/proc/self/fd/{self._fd}")
        else:
            self._fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self.path = path
        self.limit_bytes = limit_bytes
        self._read_bytes = 0

    def read(self, forget: Callable[[int], None]) -> bytes:
        """Whole events that were not read yet, 1 MiB of them at most. `forget` is told how many there are if they need
        no room any more."""
        content = os.pread(self._fd, _MOST_AT_ONCE // EVENT_BYTES * EVENT_BYTES, self._read_bytes)
        content = content[: len(content) // EVENT_BYTES * EVENT_BYTES]
        self._read_bytes += len(content)
        if self._is_memory and content:
            forget(len(content) // EVENT_BYTES)
        return content

    def close(self) -> None:
        os.close(self._fd)
