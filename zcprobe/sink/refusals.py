# SPDX-License-Identifier: GPL-2.0-only
"""What a public sink prints about those whom it refuses: a line for each, and no more than a person can read."""

import os
import select
import time
from collections.abc import Callable

__all__ = ["LINES_PER_INTERVAL", "Refusals"]

LINES_PER_INTERVAL = 5
_INTERVAL_S = 1.0


class Refusals:
    """Writes to `fd`, at most so many lines in an interval. Lines that were not written are counted, and the count is
    printed.

    It never waits: if nobody reads, for example at the other end of a full pipe, lines are counted instead.
    """

    def __init__(self, fd: int, now_s: Callable[[], float] = time.monotonic) -> None:
        self._fd = fd
        self._now_s = now_s
        self._began_s = now_s()
        self._written = 0
        self._left_out = 0

    def tell(self, line: str) -> None:
        self.tick()
        if self._written >= LINES_PER_INTERVAL or not self._write(line):
            self._left_out += 1
            return
        self._written += 1

    def tick(self) -> None:
        """Call this regularly: it prints the count once its interval is over."""
        if self._now_s() - self._began_s >= _INTERVAL_S:
            self.close()
            self._began_s, self._written = self._now_s(), 0

    def close(self) -> None:
        """Prints the count of what was left out so far."""
        if self._left_out and self._write(f"zcprobe: and {self._left_out} more lines like these"):
            self._left_out = 0

    def _write(self, line: str) -> bool:
        try:
            # a writable pipe has room for PIPE_BUF bytes
            if not select.select([], [self._fd], [], 0)[1]:
                return False
            os.write(self._fd, line.encode("utf-8", "backslashreplace")[: select.PIPE_BUF - 1] + b"\n")
        except (OSError, ValueError):
            return False
        return True
