# SPDX-License-Identifier: GPL-2.0-only
"""The life of an event reader: a C thread that moves the probes' events from the BPF ring buffer to a file."""

from typing import Any

from zcprobe.errors import OutputError
from zcprobe.native import ffi, lib
from zcprobe.native.status import require, require_handle

__all__ = ["EventReader"]

_INTERVAL_NS = 20_000_000


class EventReader:
    """Moves every `struct zc_kernel_event` of the ring buffer behind `map_fd` to `out_fd` until `stop()`; the file gets
    `limit_bytes` of them at most. HostError when the ring buffer cannot be read.
    """

    def __init__(self, map_fd: int, out_fd: int, limit_bytes: int) -> None:
        event_bytes = ffi.sizeof("struct zc_kernel_event")
        handle: Any = lib.zc_event_reader_start(map_fd, out_fd, event_bytes, _INTERVAL_NS, limit_bytes)
        self._handle = require_handle(handle, "the ring buffer cannot be read", "run zcprobe doctor as root")

    def forget(self, count: int) -> None:
        """Gives back the room of the file's first events, `count` more than before, which were read: the file gets as
        many more. HostError."""
        status = lib.zc_event_reader_forget(self._handle, count)
        require(status, "the room of events cannot be given back", "run again")

    def stop(self) -> tuple[int, int]:
        """How many events came, and how many of them are in the file. OutputError when they could not be written."""
        count, kept = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        status = lib.zc_event_reader_stop(self._handle, count, kept)
        require(status, "events cannot be stored", "free some space on the output's disk", OutputError)
        return int(count[0]), int(kept[0])
