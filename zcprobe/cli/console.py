# SPDX-License-Identifier: GPL-2.0-only
"""The console on which the verbs print their tables."""

import sys

from rich.console import Console

__all__ = ["StdoutConsole"]

_FILE_COLUMNS = 160


class StdoutConsole(Console):
    """A console as wide as the terminal, or wide enough for our tables where there is no terminal. When the reader of
    stdout has gone, it raises BrokenPipeError for `main`, as print() does; rich would exit with code 1."""

    def __init__(self) -> None:
        super().__init__(width=None if sys.stdout.isatty() else _FILE_COLUMNS)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError
