# SPDX-License-Identifier: GPL-2.0-only
"""Looking at something again and again while something else goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["repeated"]


@contextmanager
def repeated(look: Callable[[], None], interval_s: float) -> Iterator[None]:
    """Calls `look` in a thread of its own for as long as the context lasts, with this pause before each call."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(interval_s):
            look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
