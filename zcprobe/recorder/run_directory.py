"""A run's folder: written under a temporary name, renamed when complete, never overwritten."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from zcprobe.errors import OutputError
from zcprobe.lab.journal import Journal
from zcprobe.recorder.ownership import give_to_caller

__all__ = ["RunDirectory", "folder_name", "open_run_directory"]


def folder_name(scenario: str, what: str, run_id: str) -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{scenario}-{what}-{run_id}"


class RunDirectory:
    """`path` is where to write now; after `keep()`, where it is for good."""

    def __init__(self, parent: Path, name: str) -> None:
        self._final = parent / name
        self.path = parent / f".{name}.partial"
        self.kept = False

    def keep(self) -> None:
        """Gives the folder its name; OutputError when somebody took the name meanwhile."""
        if self._final.exists():
            raise OutputError(f"{self._final} exists already", "nothing is ever overwritten; run again")
        give_to_caller(self.path, *self.path.rglob("*"))
        self.path.rename(self._final)
        self.path = self._final
        self.kept = True


@contextmanager
def open_run_directory(parent: Path, name: str, journal: Journal) -> Iterator[RunDirectory]:
    """A new folder below `parent`, removed again unless it was kept. OutputError when it cannot be made."""
    directory = RunDirectory(parent, name)
    _require_text(directory.path.absolute())
    journal.add_folder(directory.path)
    try:
        _make(directory.path)
        yield directory
    finally:
        if not directory.kept:
            shutil.rmtree(directory.path, ignore_errors=True)
        journal.drop_folder(parent / f".{name}.partial")


def _require_text(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise OutputError(f"{str(path.parent)!r} is no UTF-8 text", "choose another place with -o DIR") from None


def _make(path: Path) -> None:
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
        give_to_caller(*missing)
    except OSError as error:
        raise OutputError(
            f"no folder can be made in {path.parent}: {error.strerror}", "choose another place with -o DIR"
        ) from error
