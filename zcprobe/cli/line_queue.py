# SPDX-License-Identifier: GPL-2.0-only
"""Lines for a stream whose reader may be slow or may not read at all. Who watches does not wait for that reader."""

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from zcprobe.signals import ENDING

__all__ = ["LineQueue", "line_queue"]

_MOST_BYTES = 4 << 20
"""Most that waits for the reader. Further lines are dropped."""

_PIECE_BYTES = 4096
"""PIPE_BUF: a pipe takes so much at once or not at all, so no line up to this length is ever written in part."""

_LONGEST_WAIT_S = 0.25
_WAIT_SHARE = 0.2
"""Longest wait for room, and the share of the time that such waits take at most. A reader that reads makes room within
milliseconds, also where thousands of lines come at once."""

_STUCK_S = 1.0
"""A reader that takes nothing for so long is not waited for when the command has to end."""


class LineQueue:
    """Takes text as a file does. A thread writes it to `stream`, whole lines only. `dropped`: lines that found no room.

    `is_ending`: what is written from now on is never dropped. What the stream raised is raised by the next `write`.
    """

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        self._file = getattr(stream.buffer, "raw", stream.buffer)  # a lock of the buffer would be held while it blocks
        self._encoding = stream.encoding
        self._part = ""
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._written = 0
        self._changed = threading.Condition()
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        self._patience_s, self._patience_of_s = _LONGEST_WAIT_S, time.monotonic()
        self.dropped = 0
        self.is_ending = False

    def write(self, text: str) -> int:
        *lines, self._part = (self._part + text).split("\n")
        for line in lines:
            self._put(f"{line}\n".encode(self._encoding, "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        """Does nothing: the thread writes as soon as the reader lets it."""

    def finish(self, has_to_end: Callable[[], bool]) -> None:
        """Waits until all is written. Once it `has_to_end`, it waits only for a reader that reads."""
        with self._changed:
            written, since_s = self._written, time.monotonic()
            while self._pieces and not (has_to_end() and time.monotonic() - since_s > _STUCK_S):
                self._changed.wait(0.05)
                if self._written != written:
                    written, since_s = self._written, time.monotonic()
            self._raise_error()

    @property
    def unwritten(self) -> bool:
        """Whether there is something that the reader has not taken."""
        return bool(self._pieces)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _put(self, line: bytes) -> None:
        with self._changed:
            if not self.is_ending and not self._make_room(len(line)):
                self.dropped += 1
                return
            self._raise_error()
            self._waiting_bytes += len(line)
            if self._pieces and len(self._pieces[-1]) + len(line) <= _PIECE_BYTES and len(self._pieces) > 1:
                self._pieces[-1] += line
            else:
                starts = range(0, len(line), _PIECE_BYTES)
                self._pieces.extend(line[start : start + _PIECE_BYTES] for start in starts)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_pieces, name="zcprobe-output", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _make_room(self, length: int) -> bool:
        """Waits for room for a line, but not longer than the patience lasts, which time restores."""

        def has_room() -> bool:
            return self._error is not None or self._waiting_bytes + length <= _MOST_BYTES

        if has_room():
            return True
        now_s = time.monotonic()
        restored_s = self._patience_s + _WAIT_SHARE * (now_s - self._patience_of_s)
        found = self._changed.wait_for(has_room, min(restored_s, _LONGEST_WAIT_S))
        self._patience_of_s = time.monotonic()
        self._patience_s = max(0.0, min(restored_s, _LONGEST_WAIT_S) - (self._patience_of_s - now_s))
        return found

    def _write_pieces(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # they are for the main thread
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pieces)
                piece = self._pieces[0]
            try:
                rest = memoryview(piece)
                while rest:
                    rest = rest[self._file.write(rest) :]
            except Exception as error:  # told by the next write
                self._fail(error)
                return
            with self._changed:
                self._pieces.popleft()
                self._waiting_bytes -= len(piece)
                self._written += 1
                self._changed.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._error = error
            self._pieces.clear()
            self._changed.notify_all()


@contextmanager
def line_queue(stream: TextIO) -> Iterator[LineQueue]:
    """A queue for the stream. After an error, what was written before it is shown to a reader that reads."""
    queue = LineQueue(stream)
    try:
        yield queue
    except Exception:
        if queue._error is None:
            queue.finish(lambda: True)
        raise
