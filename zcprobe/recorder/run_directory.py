"""A run's folder: written under a temporary name, renamed when complete, never overwritten.

Until it is given to the user it is root's alone (0700) and held by its descriptor, so nobody can put anything into it,
or lead what is written elsewhere: not even the owner of the folder that it stands in.
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
"""uid and gid; None: who it belongs to is left."""


def folder_name(scenario: str, what: str, run_id: str) -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{scenario}-{what}-{run_id}"


class RunDirectory:
    """`path` is where this process writes and reads until it is closed, whatever its name is, or becomes; `place` is
    what people call it. `directory` is the folder itself: the runs of a comparison are made in it.
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
        """Gives the folder to the user, and then its name: nothing is written to it any more. OutputError when somebody
        took the name meanwhile, or the folder away, or the place can no longer be written: then it stays, whole, under
        the name that it has."""
        with self._told():
            self._sync()
            self.directory.give(self._owner, self._modes)
            self._rename()

    def show(self) -> None:
        """Gives the folder its name while more is to come: it is kept, whatever happens, and everybody may look into
        it. It becomes the user's on closing. OutputError as of `keep`."""
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
        """So that a power cut after the rename finds the files with what is in them."""
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
        """What was shown is given to the user, what was not kept is removed; False when it could not be."""
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
    """A new folder below `parent`, removed again unless it was kept. OutputError when it cannot be made, or other users
    could meddle with the way to it (`zcprobe.trust`). A folder that is open already is trusted, and what is made in it
    is given to the user with it."""
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
    """For the journal, which is text. `told` is what a message calls it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise OutputError(
            f"the path {str(told)!r} is not valid UTF-8 text", "choose another place with -o DIR"
        ) from None
