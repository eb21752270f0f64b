"""The spool files for a sender's records, which it receives open, and the recorders that write to them."""

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
    """For each channel its open files, in the order of enum zc_stream_index; an empty list when nothing is recorded.
    HostError when this process may not have so many open files, PeerError when they do not come."""
    if task.spools_fd is None:
        return []
    with socket.socket(fileno=task.spools_fd) as files:
        files.settimeout(_TIMEOUT_S)
        try:
            return [take_files(files, lib.ZC_STREAM_COUNT) for _ in range(task.config.channels)]
        except TimeoutError:
            raise PeerError("the files for records do not come", "run again; the host may be overloaded") from None


def open_recorder(spools: list[int], limit_bytes: int) -> Recorder:
    """The recorder of one channel. Its files, `spools`, hold `limit_bytes` together. HostError as `Recorder` raises
    it."""
    return Recorder([partial(int, spool) for spool in spools], limit_bytes=limit_bytes)
