# SPDX-License-Identifier: GPL-2.0-only
"""Opens the files of a run folder without trusting them: a folder may come from anywhere and hold anything."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from zcprobe.errors import OutputError

__all__ = ["MOST_METADATA_BYTES", "open_regular", "read_bounded"]

MOST_METADATA_BYTES = 16 << 20
"""The most bytes of a file that is read whole. The largest metadata, those of 64 channels, have some hundred KB."""

_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_PLAIN = "the files of a run are plain files: copy the folder again from where it was recorded"


@contextmanager
def open_regular(path: Path) -> Iterator[FileIO]:
    """The file, open for reading. OutputError for anything but a regular file: it follows no link, waits for no
    pipe, and opens no device, since opening alone can start one. Raises FileNotFoundError and NotADirectoryError
    too."""
    try:
        _require_regular(path, os.lstat(path).st_mode)
        number = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be read: {_reason(error)}", _PLAIN) from error
    with FileIO(number) as file:
        _require_regular(path, os.fstat(number).st_mode)
        yield file


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _require_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise OutputError(f"{path} is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a plain file", _PLAIN)


def read_bounded(path: Path, most_bytes: int = MOST_METADATA_BYTES) -> bytes:
    """The whole content. Raises the errors of `open_regular`, and OutputError for a file of more than `most_bytes`, of
    which it reads no more."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = b"" if size > most_bytes else _read_up_to(path, file, most_bytes + 1)
    found = max(size, len(content))
    if found > most_bytes:
        raise OutputError(f"{path} has {found:,} bytes, and a file of its kind at most {most_bytes:,}", _PLAIN)
    return content


def _read_up_to(path: Path, file: FileIO, most_bytes: int) -> bytes:
    parts, left = [], most_bytes
    try:
        while left and (part := file.read(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {_reason(error)}", _PLAIN) from error
    return b"".join(parts)
