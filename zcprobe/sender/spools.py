# SPDX-License-Identifier: GPL-2.0-only
"""The files that a sender gets open: memory for its counters, and the files for its records."""

import os
import socket
from functools import partial
from typing import Any, NamedTuple

from zcprobe.errors import PeerError
from zcprobe.handover import take_files
from zcprobe.native import lib
from zcprobe.native.counters import map_counters
from zcprobe.native.recorder import Recorder
from zcprobe.wire import SenderTask

__all__ = ["Taken", "open_recorder", "take_files_of"]

_TIMEOUT_S = 20.0


class Taken(NamedTuple):
    """`counters`: an array of `struct zc_result` that the parent reads, or None. `spools`: channel -> open files for
    its records; empty if recording is off."""

    counters: Any
    spools: list[list[int]]


def take_files_of(task: SenderTask) -> Taken:
    """HostError if this process may not have that many files open, PeerError if they do not come."""
    if task.files_fd is None:
        return Taken(None, [])
    with socket.socket(fileno=task.files_fd) as files:
        files.settimeout(_TIMEOUT_S)
        try:
            counters = _take_counters(files, task.config.channels) if task.counters_shared else None
            recorded = task.config.channels if task.config.record else 0
            return Taken(counters, [take_files(files, lib.ZC_STREAM_COUNT) for _ in range(recorded)])
        except TimeoutError:
            raise PeerError("the files for records do not come", "run again; the host may be overloaded") from None


def _take_counters(files: socket.socket, channels: int) -> Any:
    (fd,) = take_files(files, 1)
    counters = map_counters(fd, channels)
    os.close(fd)
    return counters


def open_recorder(spools: list[int], limit_bytes: int) -> Recorder:
    """The recorder of a channel whose files are `spools`; they hold at most `limit_bytes` together. HostError as for
    `Recorder`."""
    return Recorder([partial(int, spool) for spool in spools], limit_bytes=limit_bytes)
