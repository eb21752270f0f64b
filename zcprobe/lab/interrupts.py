"""Signals that wait until the lab is whole again."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from zcprobe.signals import heeded

__all__ = ["deferred_signals"]


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Hold the signals that ask for the end back for a block of milliseconds, and deliver them on leaving it.

    Making and undoing go through this: a KeyboardInterrupt between two steps of an undo would skip the rest of it.
    Python runs signal handlers in the main thread only, so in any other thread this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[int] = []

    def remember(signal_number: int, _frame: FrameType | None) -> None:
        pending.append(signal_number)

    previous = {number: signal.getsignal(number) for number in heeded()}
    try:
        for number in previous:
            signal.signal(number, remember)
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for signal_number in pending:
            signal.raise_signal(signal_number)
