"""A folder that runs are made in, one after the other: what is in it is whole at any moment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zcprobe.benchmark.run import CompletedRun
from zcprobe.campaign.plan import PlannedRun
from zcprobe.directory import Directory
from zcprobe.recorder.metadata import write_sealed
from zcprobe.recorder.run_directory import RunDirectory
from zcprobe.seal import seal_of

__all__ = ["Store"]


class Store:
    """A comparison's folder: it has its name, and a comparison.json that tells which runs are there, from the moment
    that the first run is in its place. Nothing that comes later takes a run back.

    `content`: the members of comparison.json but for its `runs`, which are in `runs`.
    """

    def __init__(self, directory: RunDirectory, content: dict[str, object], planned: int) -> None:
        self._directory = directory
        self._planned = planned
        self.content = content
        self.runs: list[dict[str, object]] = []
        self._kept = 0

    @property
    def path(self) -> Path:
        return self._directory.path

    @property
    def place(self) -> Path:
        return self._directory.place

    @property
    def directory(self) -> Directory:
        return self._directory.directory

    def add(self, planned: PlannedRun, done: CompletedRun) -> None:
        """Whatever fails here, the folder is shown: until then it would be removed with the run that is in it."""
        self._kept += 1
        try:
            self.runs.append(_entry(planned, done, self.path))
            self.write()
        finally:
            if not self._directory.kept:
                self._directory.show()

    def leave_unnamed(self) -> None:
        """A run that is whole but could not get its name stays where its message says, if it is the first as well."""
        if os.listdir(self.directory.fd):
            self._directory.kept = True

    def write(self) -> None:
        """Aside and renamed, so that a reader, and a disk that is full, finds the last one whole."""
        aside = self.path / ".comparison.json.partial"
        try:
            write_sealed(aside, {**self.content, "runs": self.runs})
            aside.replace(self.path / "comparison.json")
        except OSError:
            aside.unlink(missing_ok=True)
            raise

    @contextmanager
    def noting_what_is_kept(self) -> Iterator[None]:
        """Whatever ends the block early says where the runs are, and what can be done with them."""
        try:
            yield
        except BaseException as error:
            if self._kept:
                count = f"{self._kept} of {self._planned} runs are"
                error.add_note(f"{count} kept in {self.place}: zcprobe report {self.place} shows them")
            raise


def _entry(planned: PlannedRun, done: CompletedRun, folder: Path) -> dict[str, object]:
    return {
        "folder": done.folder.name,
        "sha256": seal_of((folder / done.folder.name / "run.json").read_bytes()),
        "policy": planned.policy,
        "repeat": planned.repeat,
        "outcome": done.metadata.summary.outcome,
        "complete": done.metadata.complete,
        "warnings": [warning.id for warning in done.metadata.warnings],
    }
