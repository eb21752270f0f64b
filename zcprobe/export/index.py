# SPDX-License-Identifier: GPL-2.0-only
"""Makes index.parquet: a row for each run at or below a folder. Runs with a current row in an index are not read."""

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from zcprobe.dataset.facts import run_row
from zcprobe.dataset.find import find_run_folders
from zcprobe.dataset.index import known_rows, size_and_time
from zcprobe.dataset.index_file import INDEX_FILE, ORIGIN, encode_index, index_schema, require_own
from zcprobe.dataset.load import load_run
from zcprobe.dataset.rows import join_tables, runs_table, without_empty
from zcprobe.errors import OutputError, UsageError

__all__ = ["Indexing"]


class Indexing:
    """The making of one index. `folders` are the runs' folders, and `unread` those of them that have to be read, which
    are all with `rebuild`. `skipped` says, once it is made, what is wrong with each run that has no row because it is
    damaged."""

    def __init__(self, place: Path, *, rebuild: bool = False) -> None:
        """OutputError where there is no run, or index.parquet is not an index; UsageError for a run's own folder."""
        if os.path.lexists(place / "run.json"):
            raise UsageError(f"{place} is the folder of one run", "name the folder that holds the runs' folders")
        self.folders = find_run_folders([place])
        if not self.folders:
            raise OutputError(f"{place} holds no run", "name a folder in which zcprobe made runs, such as results")
        self.path = place / INDEX_FILE
        require_own(self.path)
        self._place = place
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an index that is damaged is about to be replaced
            self._known = known_rows({} if rebuild else dict.fromkeys(self.folders), place)
        self.unread = [folder for folder in self.folders if str(folder) not in self._known.row_of]
        self.skipped: list[str] = []

    def make(self, step: Callable[[], None] = lambda: None) -> bytes:
        """The content of index.parquet, with the rows in the order of `folders`. Calls `step` after each run that it
        reads."""
        new = runs_table(self._rows(step))
        rows = self._known.row_of
        known = self._known.table.take(pa.array(rows.values(), pa.int64()))
        names = pa.array([self._name(Path(folder)) for folder in rows], pa.binary())  # one may be of an index below
        known = known.set_column(known.schema.get_field_index(ORIGIN.names[0]), ORIGIN.names[0], names)
        both = join_tables([index_schema().empty_table(), without_empty(join_tables([known, new]))])
        order = {self._name(folder): position for position, folder in enumerate(self.folders)}
        positions = [order[name] for name in both[ORIGIN.names[0]].to_pylist()]
        return encode_index(both.take(np.argsort(positions)))

    def _rows(self, step: Callable[[], None]) -> Iterator[dict[str, Any]]:
        for folder in self.unread:
            noted = size_and_time(folder)  # before the run is read, so that a change meanwhile is seen
            try:
                run = load_run(folder, allow_incomplete=True, allow_lost=True)
            except OutputError as error:
                self.skipped.append(str(error))
            else:
                if noted is not None:
                    yield run_row(run) | dict(zip(ORIGIN.names, (self._name(folder), *noted, run.digest), strict=True))
            step()

    def _name(self, folder: Path) -> bytes:
        return os.fsencode(os.path.relpath(folder, self._place))
