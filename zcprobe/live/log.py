# SPDX-License-Identifier: GPL-2.0-only
"""The newest lines of what has happened. Any thread may add to them and read them."""

import threading
import time
from collections import deque

from zcprobe.escapes import printable

__all__ = ["MOST_LINES", "Log"]

MOST_LINES = 500


class Log:
    """At most MOST_LINES lines; `total`: how many there ever were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self.total = 0

    def add(self, text: str) -> None:
        """Adds a line with the time of day."""
        with self._lock:
            self._lines.append(f"{time.strftime('%H:%M:%S')} {printable(text)}")
            self.total += 1

    def lines(self) -> tuple[int, list[str]]:
        """The total, and the lines that are kept."""
        with self._lock:
            return self.total, list(self._lines)
