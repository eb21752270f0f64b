# SPDX-License-Identifier: GPL-2.0-only
"""A collection of runs that are known from an index: each is loaded when somebody asks for it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from zcprobe.dataset.facts import run_row
from zcprobe.dataset.html import MOST_ROWS, counts_html
from zcprobe.dataset.index import KnownRows
from zcprobe.dataset.index_file import ORIGIN
from zcprobe.dataset.query import query_runs
from zcprobe.dataset.rows import join_tables, runs_table, without_empty
from zcprobe.dataset.run import Run
from zcprobe.dataset.run_collection import RunCollection

__all__ = ["IndexedRuns"]


class IndexedRuns(RunCollection):
    """Runs in these folders. `load` loads one, checked as always, so that an OutputError for a damaged run comes when
    the run is asked for. `loaded` has the runs that have no row in `known`, by the path of their folder; those that are
    loaded later are added to it.

    What is known from the index is answered without loading: the number of runs, policies, scenarios, and queries that
    need no table but `runs`. `runs` loads all.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        known: KnownRows,
        loaded: dict[str, Run],
        load: Callable[[Path], Run],
        folder: Path | None = None,
        skipped: Sequence[str] = (),
    ) -> None:
        self._folders = list(folders)
        self._known = known
        self._loaded = loaded
        self._load = load
        self.folder = folder or Path()
        self.skipped = list(skipped)

    @cached_property
    def runs(self) -> list[Run]:  # type: ignore[override]
        return list(self)

    def _run(self, folder: Path) -> Run:
        name = str(folder)
        if name not in self._loaded:
            self._loaded[name] = self._load(folder)
        return self._loaded[name]

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> RunCollection: ...
    def __getitem__(self, index: int | slice) -> Run | RunCollection:
        if isinstance(index, slice):
            return self._with(self._folders[index])
        return self._run(self._folders[index])

    def _with(self, folders: Sequence[Path]) -> "IndexedRuns":
        return IndexedRuns(folders, self._known, self._loaded, self._load, self.folder)

    def __len__(self) -> int:
        return len(self._folders)

    def __iter__(self) -> Iterator[Run]:
        return map(self._run, self._folders)

    @cached_property
    def table(self) -> pa.Table:
        """The table `runs` of queries: a row per run, in the order of the runs."""
        names = list(map(str, self._folders))
        rows = self._known.row_of
        unknown = [name for name in names if name not in rows]
        known = self._known.table.drop_columns(ORIGIN.names)
        both = join_tables([known, runs_table(run_row(self._loaded[name]) for name in unknown)])
        at = {**rows, **{name: len(known) + number for number, name in enumerate(unknown)}}
        return without_empty(both.take([at[name] for name in names]))

    @property
    def policies(self) -> list[str]:
        return self._words("policy")

    @property
    def scenarios(self) -> list[str]:
        return self._words("scenario")

    def _words(self, column: str) -> list[str]:
        words: list[str] = pc.unique(self.table[column].drop_null()).to_pylist()
        return words

    def runs_of(self, policy: str) -> list[Run]:
        return [self._run(folder) for folder in self._where(pc.equal(self.table["policy"], policy))]

    def _where(self, chosen: pa.ChunkedArray) -> list[Path]:
        return [folder for folder, holds in zip(self._folders, chosen.to_pylist(), strict=True) if holds]

    @property
    def watched(self) -> int:
        return int(self.table["outcome"].null_count)

    def doubtful(self) -> list[Run]:
        """Loads the runs that say of themselves that they are incomplete, or that something was lost."""
        lost = [pc.greater(pc.fill_null(self.table[name], 0), 0) for name in ("lost_events", "lost_records")]
        return [self._run(one) for one in self._where(pc.or_(pc.or_(*lost), pc.invert(self.table["complete"])))]

    def query(self, sql: str) -> pd.DataFrame:
        return query_runs(self, sql, self.table)

    @property
    def damage(self) -> list[str]:
        """Of the runs that were loaded so far."""
        names = map(str, self._folders)
        return RunCollection([self._loaded[name] for name in names if name in self._loaded]).damage

    def _repr_html_(self) -> str:
        if len(self) <= MOST_ROWS:
            return super()._repr_html_()
        rows: list[dict[str, Any]] = self.table.select(["scenario", "policy", "outcome"]).to_pylist()
        return counts_html(Counter((row["scenario"], row["policy"], row["outcome"]) for row in rows), self.skipped)
