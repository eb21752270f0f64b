"""A run's folder is written under a temporary name and renamed when it is complete. It never overwrites anything.

Until the folder is given to the user, it is root's alone (0700) and is used by its descriptor. So nobody can put
anything into it or redirect what is written there, not even the owner of the folder around it.
"""

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
"""uid and gid. None leaves the owner as it is."""


def folder_name(scenario: str, what: str, run_id: str) -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{scenario}-{what}-{run_id}"


class RunDirectory:
    """`path` is where this process reads and writes until the folder is closed, whatever the folder is called
    meanwhile. `place` is the path that users see. `directory` is the open folder, in which the runs of a comparison are
    made.
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
        """Gives the folder to the user and then renames it. Nothing may be written to it afterwards.

        OutputError when the final name is taken, the folder was moved, or its parent can no longer be written. Then the
        folder stays, whole, under the name that it has."""
        with self._told():
            self._sync()
            self.directory.give(self._owner, self._modes)
            self._rename()

    def show(self) -> None:
        """Renames the folder although more will be written to it. From then on it is kept whatever happens, and
        everybody may read it. It becomes the user's on closing. OutputError as in `keep`."""
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
        """Writes the files' contents to the disk, so that a power cut after the rename loses none of them."""
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
                f"it is {self.directory.real_path} now; choose another place with -o DIR",
            )
        self.place = self.directory.path = self._parent.path / self._name

    def close(self) -> bool:
        """Gives a folder that was shown to the user, and removes one that was not kept. False when it cannot be
        removed."""
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
    """A new folder below `parent`, which is removed again unless it was kept.

    OutputError when the folder cannot be made, or when other users could change the path to it (`zcprobe.trust`). A
    `parent` that is open already is trusted; what is made in it is given to the user together with it."""
    with _opened(parent) as above:
        owner = None if isinstance(parent, Directory) else caller_ids()
        journalled = above.real_path / f".{name}.partial"
        _require_text(journalled, told=journalled.parent)
        journal.add_folder(journalled)
        with ExitStack() as stack:
            stack.callback(journal.drop_folder, journalled)
            with _made(above, journalled.name) as made:
                directory = RunDirectory(above, name, made, journal, owner)
                try:
                    journal.add_folder(journalled, identity_of(made.status))
                    yield directory
                finally:
                    with deferred_signals():
                        if not directory.close():
                            stack.pop_all()  # it stays journalled


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


def _no_folder(parent: Path, error: OSError) -> OutputError:
    return OutputError(f"no folder can be made in {parent}: {error.strerror}", "choose another place with -o DIR")


def _require_text(path: Path, *, told: Path) -> None:
    """OutputError for a path that the journal, a text file, cannot hold. `told` is what the message calls the path."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise OutputError(
            f"the path {str(told)!r} is not valid UTF-8 text", "choose another place with -o DIR"
        ) from None
