"""Where a command's file goes: stdout, or a file that is there only when it is whole."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from zcprobe.errors import OutputError
from zcprobe.recorder.ownership import give_to_caller

__all__ = ["is_stdout", "open_output"]


def is_stdout(path: Path | None) -> bool:
    return path is None or str(path) == "-"


@contextmanager
def open_output(path: Path | None) -> Iterator[BinaryIO]:
    """A binary stream to write to. A file takes the place of one that is there, but only once nothing went wrong.

    OutputError when it cannot be written.
    """
    if path is None or is_stdout(path):
        yield from _stdout()
    elif not path.exists() or path.is_file():
        yield from _replaced(path)
    else:
        yield from _appended(path)


def _stdout() -> Iterator[BinaryIO]:
    try:
        with _told(Path("stdout")):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
    except OutputError:
        # what is left in the buffer would fail once more when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _replaced(path: Path) -> Iterator[BinaryIO]:
    target = path.resolve()  # a link, of which /dev/stdout is one, stays what it is
    with _told(path), tempfile.TemporaryDirectory(prefix=".zcprobe-", dir=target.parent) as folder:
        part = Path(folder) / target.name
        with part.open("wb") as file:
            yield file
        give_to_caller(part)
        os.replace(part, target)


def _appended(path: Path) -> Iterator[BinaryIO]:
    """A pipe or a device, which is written in place; a folder is an error."""
    with _told(path), path.open("wb") as file:
        yield file


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}", "choose another file with -o") from (
            error
        )
