# SPDX-License-Identifier: GPL-2.0-only
"""The files for a sender's records, which it gets open, and the recorders that write to them."""

import socket
from functools import partial

from zcprobe.errors import PeerError
from zcprobe.handover import take_files
from zcprobe.native import lib
from zcprobe.native.recorder import Recorder
from zcprobe.wire import SenderTask

__all__ = ["open_recorder", "take_spools"]

_TIMEOUT_S = 20.0


def take_spools(task: SenderTask) -> list[list[int]]:
    """Channel -> open files. HostError if this process may not open that many, PeerError if they do not come."""
    if task.spools_fd is None:
        return []
    with socket.socket(fileno=task.spools_fd) as files:
        files.settimeout(_TIMEOUT_S)
        try:
            return [take_files(files, lib.ZC_STREAM_COUNT) for _ in range(task.config.channels)]
        except TimeoutError:
            raise PeerError("the files for records do not come", "run again; the host may be overloaded") from None


def open_recorder(spools: list[int], limit_bytes: int) -> Recorder:
    """The recorder of a channel whose files are `spools`; they hold at most `limit_bytes` together. HostError as for
    `Recorder`."""
    return Recorder([partial(int, spool) for spool in spools], limit_bytes=limit_bytes)
