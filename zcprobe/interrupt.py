# SPDX-License-Identifier: GPL-2.0-only
"""Ctrl-C is a request: the run ends early, completes its files, and only then the process dies of the signal."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from types import FrameType
from typing import NoReturn, Self

from zcprobe.signals import heeded

__all__ = ["Interruption", "answered", "deferred_interrupt"]

_ONE_REQUEST_S = 0.03
"""Signals that follow within this time count as one, because `timeout` and a closing shell send a signal twice. Nobody
presses a key twice that fast."""
_CLEANING_S = 5.0
"""Time after a KeyboardInterrupt in which no other is raised, because that would cut the clean-up short."""


class Interruption:
    """`signal_number`: the signal that came, or 0; `requests`: how many came.

    The second one raises KeyboardInterrupt with the number of the first, unless it is a SIGHUP: a closing terminal and
    the shell in it both send one.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self.requests = 0
        self._on_request: Callable[[], None] | None = None
        self._came_s = 0.0
        self._raised_s = -_CLEANING_S
        self._talk = 2

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
        """Calls `on_request` when a signal comes; raises KeyboardInterrupt at once if one has already come."""
        self._on_request = on_request
        try:
            if self.signal_number:
                self.give_up()
            yield
        finally:
            self._on_request = None

    def raised(self) -> AbstractContextManager[None]:
        """For a block in which there is nothing to complete yet: a signal ends it at once by KeyboardInterrupt."""
        return self.forwarded_to(self.give_up)

    def ended_at_once(self, text: str) -> AbstractContextManager[None]:
        """Like `raised`, for a block that can be left out: a line says at once what happens."""

        def tell_and_give_up() -> None:
            self.tell(text)
            self.give_up()

        return self.forwarded_to(tell_and_give_up)

    @contextmanager
    def telling(self, text: str) -> Iterator[None]:
        """For a block that always runs to its end: a signal during it prints that line at once."""
        before, self._on_request = self._on_request, partial(self.tell, text)
        try:
            yield
        finally:
            self._on_request = before

    def give_up(self) -> NoReturn:
        """KeyboardInterrupt with the number of the signal that came."""
        self._raised_s = time.monotonic()
        raise KeyboardInterrupt(self.signal_number)

    def tell(self, text: str) -> None:
        """Writes a line to stderr at once, even from a signal handler that may have interrupted print()."""
        with suppress(OSError):  # stderr may have no reader any more
            os.write(self._talk, f"zcprobe: {text}\n".encode())

    @contextmanager
    def handling(self) -> Iterator[Self]:
        """Inside the context, the signals that ask for the end are handled here."""
        before = {number: signal.signal(number, self.handle) for number in heeded()}
        # while probes are compiled, descriptor 2 catches the compiler's messages
        self._talk = os.dup(2)
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._talk)


def deferred_interrupt() -> AbstractContextManager[Interruption]:
    """Inside the context, signals that ask for the end are stored in the `Interruption` instead of raising
    exceptions."""
    return Interruption().handling()


@contextmanager
def answered() -> Iterator[None]:
    """Inside the context, each of these signals ends the block by a KeyboardInterrupt with its number, as Ctrl-C
    would."""
    interruption = Interruption()
    with interruption.handling(), interruption.raised():
        yield
