# SPDX-License-Identifier: GPL-2.0-only
"""The signals that ask a command to end: from a keyboard, a service manager, or a closing terminal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["ENDING", "deferred_signals", "heeded"]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def heeded() -> list[signal.Signals]:
    """The signals of ENDING that this process was not started to ignore (`nohup` starts it to ignore SIGHUP).

    A signal whose handler was not installed from Python is left out too, because its handler could not be restored."""
    return [number for number in ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None)]


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
