"""Ctrl-C as a request: the run ends early, its files are completed, and only then the process dies of the signal."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

__all__ = ["Interruption", "deferred_interrupt"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """`signal_number` of what came, 0 when nothing did; `requests`: how many came.

    The second raises KeyboardInterrupt with the first's number.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self.requests = 0
        self._on_request: Callable[[], None] | None = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        self.requests += 1
        if self.signal_number:
            raise KeyboardInterrupt(self.signal_number)
        self.signal_number = number
        if self._on_request is not None:
            self._on_request()

    @contextmanager
    def forwarded_to(self, on_request: Callable[[], None]) -> Iterator[None]:
        """Calls `on_request` when a signal comes; KeyboardInterrupt at once when one has come already."""
        self._on_request = on_request
        try:
            if self.signal_number:
                raise KeyboardInterrupt(self.signal_number)
            yield
        finally:
            self._on_request = None

    def raised(self) -> AbstractContextManager[None]:
        """For a block in which there is nothing to complete yet: a signal ends it by KeyboardInterrupt at once."""
        return self.forwarded_to(self._raise)

    def _raise(self) -> None:
        raise KeyboardInterrupt(self.signal_number)


@contextmanager
def deferred_interrupt() -> Iterator[Interruption]:
    """Inside, SIGINT and SIGTERM are requests that the `Interruption` keeps, instead of exceptions."""
    interruption = Interruption()
    before = {number: signal.signal(number, interruption.handle) for number in _SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
