# SPDX-License-Identifier: GPL-2.0-only
"""A folder in which runs are made one after another; its content is complete at any moment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zcprobe.benchmark.run import CompletedRun
from zcprobe.campaign.plan import PlannedRun
from zcprobe.directory import Directory
from zcprobe.format.comparison import COMPARISON_FILE, ComparedRun, ComparisonMetadata
from zcprobe.recorder.metadata import write_sealed
from zcprobe.recorder.run_directory import RunDirectory
from zcprobe.seal import seal_of

__all__ = ["Store"]


class Store:
    """A comparison's folder. As soon as the first run is stored, the folder has its name and a comparison.json that
    lists the runs. Nothing that happens later removes a run.

    `content` is comparison.json; its list of runs grows.
    """

    def __init__(self, directory: RunDirectory, content: ComparisonMetadata) -> None:
        self._directory = directory
        self.content = content
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
        """Shows the folder even if something fails here: until it is shown it would be removed together with its
        run."""
        self._kept += 1
        try:
            self.content.runs.append(_entry(planned, done, self.path))
            self.write()
        finally:
            if not self._directory.kept:
                self._directory.show()

    def leave_unnamed(self) -> None:
        """Keeps a complete run that could not get its name where its message says, even if it is the first."""
        if os.listdir(self.directory.fd):
            self._directory.kept = True

    def write(self) -> None:
        """Writes a new file and renames it, so that a reader always finds a complete one, even if the disk is full."""
        aside = self.path / f".{COMPARISON_FILE}.partial"
        try:
            write_sealed(aside, self.content)
            aside.replace(self.path / COMPARISON_FILE)
        except OSError:
            aside.unlink(missing_ok=True)
            raise

    @contextmanager
    def noting_what_is_kept(self) -> Iterator[None]:
        """Adds to any exception that ends the block early where the runs are, and what can be done with them."""
        try:
            yield
        except BaseException as error:
            if self._kept:
                count = f"{self._kept} of {self.content.planned_runs} runs are"
                error.add_note(f"{count} kept in {self.place}: zcprobe report {self.place} shows them")
            raise


def _entry(planned: PlannedRun, done: CompletedRun, folder: Path) -> ComparedRun:
    digest = seal_of((folder / done.folder.name / "run.json").read_bytes())
    return ComparedRun.of(done.folder.name, digest, planned.repeat, done.metadata)
