# SPDX-License-Identifier: GPL-2.0-only
"""A run's folder is written under a temporary name and renamed when it is complete. It never overwrites anything.

Until it is given to the user it belongs to root alone (0700) and is held by its descriptor. So nobody can put anything
into it or redirect what is written, not even the owner of its parent folder.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from zcprobe.caller import caller_ids
from zcprobe.directory import Directory, file_mode, identity_of
from zcprobe.errors import OutputError
from zcprobe.journal import Journal, Result
from zcprobe.signals import deferred_signals
from zcprobe.trust import open_trusted_folder

__all__ = ["RunDirectory", "folder_name", "open_run_directory"]

Owner = tuple[int, int] | None
"""uid and gid; None leaves the owner unchanged."""

_RESERVE = 4
"""Descriptors that are kept for the end, because giving or removing a folder needs some: one for reading a folder and
one for the folder itself, at each of two depths."""


def folder_name(scenario: str, what: str, run_id: str) -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{scenario}-{what}-{run_id}"


class RunDirectory:
    """`path` is where this process writes and reads until the folder is closed, whatever name it has or gets. `place`
    is its path for people. `directory` is the folder itself; the runs of a comparison are made in it.
    """

    def __init__(self, parent: Directory, name: str, directory: Directory, journal: Journal, owner: Owner) -> None:
        self._parent = parent
        self._name = name
        self._journal = journal
        self._owner = owner
        self._modes = file_mode(0o755), file_mode(0o644)
        self._shown: Path | None = None
        self.directory = directory
        self.path = directory.within
        self.place = directory.path
        self.kept = False

    def keep(self) -> None:
        """Gives the folder to the user, then gives it its name; nothing may be written to it afterwards. OutputError if
        somebody took the name or the folder away, or the place can no longer be written; then the complete folder keeps
        the name that it has."""
        with self._told():
            self._sync()
            self.directory.give(self._owner, self._modes)
            self._rename()

    def show(self) -> None:
        """Gives the folder its name before it is complete: it is kept whatever happens, and everybody may read it.
        Closing gives it to the user. OutputError as for `keep`."""
        with self._told():
            os.fchmod(self.directory.fd, self._modes[0])
            if self._owner is not None:
                self._shown = self._parent.real_path / self._name
                result = Result(identity_of(self.directory.status), self._owner, self._modes)
                self._journal.add_result(self._shown, result)
            self._rename()

    @contextmanager
    def _told(self) -> Iterator[None]:
        self.kept = True
        final, hint = self._parent.path / self._name, f"it is whole in {self.place}: give it a name yourself"
        try:
            yield
        except FileExistsError:
            raise OutputError(f"{final} exists already, and nothing is ever overwritten", hint) from None
        except OSError as error:
            raise OutputError(f"{self.place} cannot get its name: {error.strerror}", hint) from error

    def _sync(self) -> None:
        """Flushes files to disk, so that after the rename a power cut cannot leave them empty."""
        for entry in os.scandir(self.directory.fd):
            if entry.is_file(follow_symlinks=False):
                fd = self.directory.open_file(entry.name, os.O_RDONLY)
                os.fsync(fd)
                os.close(fd)

    def _rename(self) -> None:
        self._parent.rename(self.directory.path.name, self._name)
        status = self._parent.status_of(self._name)
        if status is None or identity_of(status) != identity_of(self.directory.status):
            raise OutputError(
                f"somebody moved the folder that became {self._parent.path / self._name}",
                f"it is now {self.directory.real_path}; choose another place with -o DIR",
            )
        self.place = self.directory.path = self._parent.path / self._name

    def close(self) -> bool:
        """Gives the folder to the user if it was shown, and removes it if it was not kept. Returns False if that
        failed."""
        if self._shown is not None:
            self.directory.give(self._owner, self._modes)
            self._journal.drop_result(self._shown)
        return self.kept or self._remove()

    def _remove(self) -> bool:
        try:
            self.directory.empty()
            status = self._parent.status_of(self.directory.path.name)
            if status is not None and identity_of(status) == identity_of(self.directory.status):
                self._parent.remove_folder(self.directory.path.name)
        except OSError:
            return False
        return True


@contextmanager
def open_run_directory(parent: Path | Directory, name: str, journal: Journal) -> Iterator[RunDirectory]:
    """A new folder below `parent`, removed again unless it is kept. OutputError if it cannot be made, or if other users
    could change the path to it (`zcprobe.trust`). An open parent is trusted, and what is made in it is given to the
    user together with it, or at once where the parent has been given already."""
    with _opened(parent) as above:
        is_ours = isinstance(parent, Directory) and parent.status.st_uid == os.geteuid()
        owner = None if is_ours else caller_ids()
        journalled = above.real_path / f".{name}.partial"
        _require_text(journalled, told=journalled.parent)
        journal.add_folder(journalled)
        with ExitStack() as stack, ExitStack() as reserve:
            stack.callback(journal.drop_folder, journalled)
            for _ in range(_RESERVE):
                reserve.callback(os.close, os.dup(above.fd))
            with _made(above, journalled.name) as made:
                directory = RunDirectory(above, name, made, journal, owner)
                try:
                    journal.add_folder(journalled, identity_of(made.status))
                    yield directory
                finally:
                    with deferred_signals():
                        reserve.close()
                        if not directory.close():
                            stack.pop_all()  # it stays in the journal


@contextmanager
def _opened(parent: Path | Directory) -> Iterator[Directory]:
    if isinstance(parent, Directory):
        yield parent
        return
    _require_text(parent, told=parent)
    try:
        opened = open_trusted_folder(parent, make=True)
    except OSError as error:
        raise _no_folder(parent, error) from error
    with opened:
        yield opened


def _made(above: Directory, name: str) -> Directory:
    try:
        return above.make_folder(name)
    except OSError as error:
        raise _no_folder(above.path, error) from error


def _no_folder(parent: Path, error: OSError) -> OutputError | OSError:
    """What to raise: no other place cures a limit on open files."""
    if error.errno == errno.EMFILE:
        return error
    return OutputError(f"no folder can be made in {parent}: {error.strerror}", "choose another place with -o DIR")


def _require_text(path: Path, *, told: Path) -> None:
    """The path as text, for the journal. `told` is its name in messages."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise OutputError(
            f"the path {str(told)!r} is not valid UTF-8 text", "choose another place with -o DIR"
        ) from None
