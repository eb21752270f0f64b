# SPDX-License-Identifier: GPL-2.0-only
"""The spool file of samples: one record per socket and interval, written as they come, up to a limit."""

import errno
import os
import struct
from typing import BinaryIO

from zcprobe.attach.sampler import Sample
from zcprobe.closable import Closable
from zcprobe.format.tables import SAMPLE_TABLE

__all__ = ["SampleSpool"]

_CODES = {"i8": "q", "u8": "Q", "u4": "I", "u1": "B"}
_RECORD = struct.Struct("@" + "".join(_CODES[kind] for kind in SAMPLE_TABLE.members.values()) + "0q")
"""The layout of SAMPLE_TABLE.dtype without numpy, which nothing else of an attachment needs while it runs."""


def _values(sample: Sample) -> list[int]:
    history, look = sample.history, sample.history.look
    recent = history.recent
    values = {
        "time_ns": sample.time_ns,
        "interval_ns": sample.interval_ns,
        "sends": sample.sends,
        "bytes_sent": sample.bytes_sent,
        "socket": history.number,
        "pid": history.pid,
        "optmem_peak_bytes": recent.optmem_bytes,
        "optmem_max_bytes": history.optmem_max_bytes or 0,
        "charge_bytes": history.charge_bytes,
        "in_flight_peak_bytes": recent.in_flight_bytes or 0,
        "unread_peak_bytes": recent.unread_bytes or 0,
        "errqueue_depth_max": recent.errqueue_depth,
        "is_open": int(history.is_open),
        "reserved": 0,
    }
    return [values[name] if name in values else getattr(look, name) for name in SAMPLE_TABLE.members]


class SampleSpool(Closable):
    """Writes records to `file`, which it closes, at most `limit_bytes`. `kept` and `beyond`: records that it has, and
    that found no room."""

    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        self._file = file
        self._most = limit_bytes // _RECORD.size
        self.kept = 0
        self.beyond = 0

    def add(self, samples: list[Sample]) -> None:
        room = samples[: self._most - self.kept]
        self._file.write(b"".join(_RECORD.pack(*_values(sample)) for sample in room))
        self.kept += len(room)
        self.beyond += len(samples) - len(room)

    def copy_to(self, file: BinaryIO, kept: int) -> None:
        """Copies the first `kept` records, while others may be added. The spool's own file has to be an unbuffered
        one."""
        offset, end = 0, kept * _RECORD.size
        while offset < end:
            copied = os.sendfile(file.fileno(), self._file.fileno(), offset, end - offset)
            if not copied:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            offset += copied

    def close(self) -> None:
        self._file.close()
