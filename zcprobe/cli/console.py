"""Where the verbs print their tables."""

from rich.console import Console

__all__ = ["StdoutConsole"]


class StdoutConsole(Console):
    """Leaves a reader that has gone to `main`, as plain print() does; rich would exit with code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError
