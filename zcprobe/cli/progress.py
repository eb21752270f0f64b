# SPDX-License-Identifier: GPL-2.0-only
"""Shows on stderr how far a long command has come."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]

_SILENT_S = 5.0
"""Where stderr is not a terminal, lines are at least this far apart, and the first is written after this time."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Yields a function to call after each of `total` steps. It draws a bar on a terminal, which disappears at the end,
    and writes a line now and then elsewhere."""
    if sys.stderr.isatty():
        yield from _bar(what, total)
    else:
        yield _lines(what, total)


def _bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def _lines(what: str, total: int) -> Callable[[], None]:
    done, told_at = 0, time.monotonic()

    def step() -> None:
        nonlocal done, told_at
        done += 1
        if time.monotonic() - told_at >= _SILENT_S and done < total:
            told_at = time.monotonic()
            print(f"zcprobe: {what}: {done} of {total}", file=sys.stderr)

    return step
