"""Ctrl-C as a request: the run ends early, its files are completed, and only then the process dies of the signal."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import FrameType
from typing import NoReturn

from zcprobe.signals import heeded

__all__ = ["Interruption", "answered", "deferred_interrupt"]

_ONE_REQUEST_S = 0.03
"""`timeout` and a shell that ends send the same signal twice in a row. Nobody presses a key twice as fast."""
_CLEANING_S = 5.0
"""For so long after a KeyboardInterrupt no other is raised: it would cut short what cleans up."""


class Interruption:
    """`signal_number` of what came, 0 when nothing did; `requests`: how many came.

    The second raises KeyboardInterrupt with the first's number, unless it is a SIGHUP: a terminal that closes and the
    shell in it both send one.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self.requests = 0
        self._on_request: Callable[[], None] | None = None
        self._came_s = 0.0
        self._raised_s = -_CLEANING_S

    def handle(self, number: int, frame: FrameType | None) -> None:
        is_repeated = number == signal.SIGHUP or time.monotonic() - self._came_s < _ONE_REQUEST_S
        self._came_s = time.monotonic()
        if not self.signal_number:
            self.signal_number, self.requests = number, 1
            if self._on_request is not None:
                self._on_request()
        elif not is_repeated:
            self.requests += 1
            if time.monotonic() - self._raised_s >= _CLEANING_S:
                self.give_up()

    @contextmanager
    def forwarded_to(self, on_request: Callable[[], None]) -> Iterator[None]:
        """Calls `on_request` when a signal comes; KeyboardInterrupt at once when one has come already."""
        self._on_request = on_request
        try:
            if self.signal_number:
                self.give_up()
            yield
        finally:
            self._on_request = None

    def raised(self) -> AbstractContextManager[None]:
        """For a block in which there is nothing to complete yet: a signal ends it by KeyboardInterrupt at once."""
        return self.forwarded_to(self.give_up)

    def give_up(self) -> NoReturn:
        """KeyboardInterrupt with the number of the signal that came."""
        self._raised_s = time.monotonic()
        raise KeyboardInterrupt(self.signal_number)

    def tell(self, text: str) -> None:
        """A line on stderr, at once, also from a signal's handler, where print() may be in the middle of another."""
        with suppress(OSError):  # there may be nobody left to tell
            os.write(2, f"zcprobe: {text}\n".encode())


@contextmanager
def _handled_by(interruption: Interruption) -> Iterator[Interruption]:
    before = {number: signal.signal(number, interruption.handle) for number in heeded()}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def deferred_interrupt() -> AbstractContextManager[Interruption]:
    """Inside, the signals that ask for the end are requests that the `Interruption` keeps, instead of exceptions."""
    return _handled_by(Interruption())


@contextmanager
def answered() -> Iterator[None]:
    """Inside, each of these signals ends the block by a KeyboardInterrupt with its number, as Ctrl-C would."""
    interruption = Interruption()
    with _handled_by(interruption), interruption.raised():
        yield
