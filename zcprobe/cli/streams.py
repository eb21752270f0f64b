# SPDX-License-Identifier: GPL-2.0-only
"""Prepares the standard streams, which may be closed, full, or without a reader.

stdout is data: what cannot be written there is an error. stderr is talk: what nobody can be told costs no run.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from zcprobe.errors import OutputError
from zcprobe.escapes import printable

__all__ = ["keeping", "one_line", "settle_streams"]

_BUFFER_BYTES = 65536
_LONGEST_LINE = 1000
"""The most characters of an error's line. A path can have four times as many."""
_MODES = (os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)
"""In which /dev/null takes the place of a descriptor that was closed. Writing to a closed stdout has to fail."""


class _Stream(io.RawIOBase):
    """Descriptor `number`. Once it has failed it takes whatever comes, so that nothing fails again when Python ends."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self._has_failed = False

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:  # type: ignore[no-untyped-def]  # typeshed's ReadableBuffer is no name at run time
        if not self._has_failed:
            try:
                return os.write(self._number, data)
            except OSError as error:
                self._has_failed = True
                self._fail(error)
        return len(data)

    def _fail(self, error: OSError) -> None:
        raise NotImplementedError


class _Data(_Stream):
    def _fail(self, error: OSError) -> None:
        """Raises BrokenPipeError where the reader has gone, which is not an error, else OutputError."""
        if isinstance(error, BrokenPipeError):
            raise error
        what = "is closed" if error.errno == errno.EBADF else f"cannot be written: {error.strerror}"
        raise OutputError(f"stdout {what}", "redirect it to a file on a disk with room") from error


class _Talk(_Stream):
    def _fail(self, error: OSError) -> None:
        """Does nothing: nobody reads the stream."""


def _fill_gaps() -> None:
    """What is opened next would take the number of a standard stream that is closed, and get what is printed there."""
    for number, mode in enumerate(_MODES):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # the lowest number that is free, which is this one


def _text(stream: _Stream, old: TextIO | None, *, line_buffering: bool) -> io.TextIOWrapper:
    """Escapes characters that the encoding does not have."""
    buffer = io.BufferedWriter(stream, _BUFFER_BYTES)
    encoding = getattr(old, "encoding", None)
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=line_buffering)


def settle_streams() -> None:
    """Prepares the streams of this process. Call it once, before anything is printed."""
    _fill_gaps()
    out, talk = _Data(1), _Talk(2)
    sys.stdout = _text(out, sys.stdout, line_buffering=out.isatty())
    sys.stderr = _text(talk, sys.stderr, line_buffering=True)


@contextmanager
def keeping(what: str, folder: Path, signal_number: int = 0) -> Iterator[None]:
    """For printing about what lies in a folder already: an OutputError of stdout says where that is. Without a reader
    of stdout the command goes on to its exit code, and one that dies of a signal does so: its terminal may be gone."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OutputError as error:
        if not signal_number:
            raise OutputError(str(error), f"{what} kept in {folder}") from error


def one_line(text: str) -> str:
    """The text as one short, printable line. Names of files and words of a peer can hold anything, at any length."""
    if len(text) > _LONGEST_LINE:
        text = f"{text[: _LONGEST_LINE // 2]} ... {text[-_LONGEST_LINE // 2 :]}"
    return printable(text)
