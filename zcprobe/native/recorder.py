# SPDX-License-Identifier: GPL-2.0-only
"""The life of a recorder: it opens its files, takes records while it is open, and says at the end what was lost."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from zcprobe.errors import DataLossError, HostError, OutputError
from zcprobe.native import ffi, lib
from zcprobe.native.status import require, require_handle

__all__ = ["Recorder"]

_CHUNK_RECORDS = 1024
_CHUNK_COUNT = 256
"""For a channel that is measured, whose thread never waits for the disk."""

_NO_LIMIT = 2**64 - 1


class Recorder:
    """The record streams of one channel, in the order of enum zc_stream_index.

    `open_files` has a function for each stream that opens its file and returns the descriptor, which then belongs to
    the recorder. Each stream holds `chunk_records` * `chunk_count` records in memory; the files together hold
    `limit_bytes`, and two chunks of each stream more. HostError, with nothing left open, when a file cannot be opened
    or the recorder cannot start.

    `records`, `kept`: of each stream, once it is closed, how many there were and how many of them are in its file.
    """

    def __init__(
        self,
        open_files: Sequence[Callable[[], int]],
        *,
        chunk_records: int = _CHUNK_RECORDS,
        chunk_count: int = _CHUNK_COUNT,
        limit_bytes: int = _NO_LIMIT,
    ) -> None:
        assert len(open_files) == lib.ZC_STREAM_COUNT
        with ExitStack() as stack:
            self.fds: list[int] = []
            for open_file in open_files:
                self.fds.append(_opened(open_file))
                stack.callback(os.close, self.fds[-1])
            self.handle: Any = require_handle(
                lib.zc_recorder_open(self.fds, chunk_records, chunk_count, limit_bytes),
                "the recorder cannot start",
                "free some memory, or raise its limit and that of threads (ulimit -v, -u)",
            )
            self._files = stack.pop_all()
        self.records: list[int] = []
        self.kept: list[int] = []

    def sync(self) -> None:
        """Waits until every full chunk is in its file."""
        lib.zc_recorder_sync(self.handle)

    def close(self) -> int:
        """Writes what is left, and returns how many records were lost. OutputError when they could not be written."""
        lost, records, kept = (ffi.new("uint64_t[]", len(self.fds)) for _ in range(3))
        with self._files:
            status = lib.zc_recorder_close(self.handle, lost, records, kept)
            self.handle = ffi.NULL
        require(status, "records cannot be written", "free space on the output's disk", OutputError)
        self.records, self.kept = list(records), list(kept)
        return sum(lost)

    def close_whole(self, hint: str) -> None:
        """Closes it as `close()` does. DataLossError when a record was lost."""
        lost = self.close()
        if lost:
            raise DataLossError(f"{lost} records were lost", hint)


def _opened(open_file: Callable[[], int]) -> int:
    try:
        return open_file()
    except OSError as error:
        raise HostError(
            f"a file for records cannot be opened: {error.strerror}", "raise the limit of open files (ulimit -n)"
        ) from error
