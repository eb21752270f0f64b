# SPDX-License-Identifier: GPL-2.0-only
"""The terminal of the screen: keys come from stdin, and the screen is drawn on stderr, so stdout may be a file."""

import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["forgiving_screen", "has_hung_up", "is_terminal"]


def is_terminal() -> bool:
    """Whether both streams are terminals."""
    return all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stderr__))


def has_hung_up() -> bool:
    """Whether nobody can press a key any more. textual would read the end of stdin again and again."""
    poller = select.poll()
    poller.register(0, 0)
    return bool(poller.poll(0))


@contextmanager
def forgiving_screen() -> Iterator[None]:
    """textual writes to sys.__stderr__, and waits forever if that raises, as it does when the terminal has gone. Ours
    takes whatever comes."""
    before, sys.__stderr__ = sys.__stderr__, sys.stderr  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        sys.__stderr__ = before  # type: ignore[misc]
