# SPDX-License-Identifier: GPL-2.0-only
"""Writes a command's output to stdout, or to a file that appears only when it is complete.

A file is written without a name where the file system allows it (O_TMPFILE), so that a killed command leaves nothing.
While it takes the place of another file, and where it must have a name, it is called
`.zcprobe-<16 hexadecimal digits>.partial`, and root's journal holds that name meanwhile.
"""

import errno
import os
import re
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from zcprobe.caller import caller_ids
from zcprobe.directory import Directory, file_mode, identity_of
from zcprobe.errors import OutputError
from zcprobe.trust import open_trusted_parent

if TYPE_CHECKING:
    from zcprobe.journal import Journal

__all__ = ["is_stdout", "open_output"]

_STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,9})")
_NO_UNNAMED_FILES = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT)


def is_stdout(path: Path | None) -> bool:
    return path is None or str(path) in _STDOUT


@contextmanager
def open_output(path: Path | None, option: str = "-o") -> Iterator[BinaryIO]:
    """A binary stream to write to. A file takes the place of one that is there, but only once nothing went wrong.
    `option` is the one that names it.

    OutputError when it cannot be written, or other users could meddle with the way to it (`zcprobe.trust`).
    """
    if path is None or is_stdout(path):
        yield from _stdout()
    elif descriptor := _DESCRIPTOR.fullmatch(str(path)):
        with _told(path, option), os.fdopen(os.dup(int(descriptor[1])), "wb") as file:
            yield file
    else:
        yield from _file(path, option)


def _stdout() -> Iterator[BinaryIO]:
    try:
        with _told(Path("stdout")):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
    except OutputError:
        # what is left in the buffer would fail once more when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _file(path: Path, option: str) -> Iterator[BinaryIO]:
    with _told(path, option), ExitStack() as stack:
        parent, name = open_trusted_parent(path)
        stack.enter_context(parent)
        status = parent.status_of(name)
        if status is None or stat.S_ISREG(status.st_mode):
            yield from _replaced(parent, name)
        else:
            yield from _appended(parent, name)


def _replaced(parent: Directory, name: str) -> Iterator[BinaryIO]:
    with _new_file(parent) as (file, part):
        yield file
        file.flush()
        os.fchmod(file.fileno(), file_mode(0o644))
        owner = caller_ids()
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        if part is not None:
            parent.rename(part, name, replace=True)
        elif not _link(file, parent, name):
            with _journalled(parent) as (free, note):
                note(file)
                _link(file, parent, free)
                parent.rename(free, name, replace=True)


@contextmanager
def _new_file(parent: Directory) -> Iterator[tuple[BinaryIO, str | None]]:
    """Open for writing, with its name if it must have one; without it nothing is left of it unless it is linked."""
    try:
        fd = parent.open_unnamed()
    except OSError as error:
        if error.errno not in _NO_UNNAMED_FILES:
            raise
    else:
        with os.fdopen(fd, "wb") as file:
            yield file, None
        return
    with _journalled(parent) as (name, note), os.fdopen(parent.create(name), "wb") as file:
        note(file)
        yield file, name


def _link(file: BinaryIO, parent: Directory, name: str) -> bool:
    """Links the file to the name. Returns False if the name was taken."""
    try:
        parent.link(file.fileno(), name)
    except FileExistsError:
        return False
    return True


@contextmanager
def _journalled(parent: Directory) -> Iterator[tuple[str, Callable[[BinaryIO], None]]]:
    """A name, which is free again on leaving, and what to call with the file that has it, or is about to. Root's
    journal has it meanwhile, so that `doctor --clean` finds what a killed command left there."""
    name = f".zcprobe-{secrets.token_hex(8)}.partial"
    path = parent.real_path / name
    with _journal() as entry:
        if entry is not None:
            entry.add_file(path)

        def note(file: BinaryIO) -> None:
            if entry is not None:
                entry.add_file(path, identity_of(os.fstat(file.fileno())))

        try:
            yield name, note
        finally:
            if parent.status_of(name) is not None:
                parent.unlink(name)
            if entry is not None:
                entry.drop_file(path)


def _journal() -> "AbstractContextManager[Journal | None]":
    """Root's journal. Others have none: what they leave is theirs."""
    if os.geteuid():
        return nullcontext()
    from zcprobe.journal import journal  # late: who only reads needs none

    return journal(f"output-{secrets.token_hex(3)}")


def _appended(parent: Directory, name: str) -> Iterator[BinaryIO]:
    """Opens a pipe or a device, which is written in place."""
    with os.fdopen(parent.open_file(name, os.O_WRONLY | os.O_NOCTTY), "wb") as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileExistsError(errno.EEXIST, "somebody put a file there just now")
        yield file


@contextmanager
def _told(path: Path, option: str = "-o") -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{path} cannot be written: {reason}", f"choose another file with {option}") from error
