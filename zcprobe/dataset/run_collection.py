# SPDX-License-Identifier: GPL-2.0-only
"""Several runs as one Python object; a comparison is a collection that one command made, with a verdict."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import pandas as pd

from zcprobe.dataset.html import collection_html
from zcprobe.dataset.integrity import DAMAGED
from zcprobe.dataset.query import query_runs
from zcprobe.dataset.run import Run
from zcprobe.format.comparison import ComparisonMetadata

__all__ = ["Comparison", "RunCollection"]


class RunCollection(Sequence[Run]):
    """Runs of any policies and scenarios, a sequence of Run. `folder` is the folder in which they were found,
    `skipped` says what is wrong with each damaged run that was left out."""

    def __init__(self, runs: Sequence[Run], folder: Path | None = None, skipped: Sequence[str] = ()) -> None:
        self.runs = list(runs)
        self.folder = folder or Path()
        self.skipped = list(skipped)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> "RunCollection": ...
    def __getitem__(self, index: int | slice) -> "Run | RunCollection":
        return RunCollection(self.runs[index], self.folder) if isinstance(index, slice) else self.runs[index]

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    @property
    def policies(self) -> list[str]:
        """The policies, in the order of their first run."""
        return list(dict.fromkeys(run.policy for run in self._benchmarks))

    @property
    def scenarios(self) -> list[str]:
        return list(dict.fromkeys(run.scenario for run in self._benchmarks))

    def runs_of(self, policy: str) -> list[Run]:
        return [run for run in self._benchmarks if run.policy == policy]

    @property
    def _benchmarks(self) -> list[Run]:
        """All but attachments, which have neither policy nor scenario."""
        return [run for run in self.runs if run.meta.sender is not None]

    @property
    def watched(self) -> int:
        """The number of attachments."""
        return len(self) - len(self._benchmarks)

    def query(self, sql: str) -> pd.DataFrame:
        """The result of a SQL query (duckdb) over `runs`, one row per run, and over the tables of all runs.

        `zcprobe.dataset.query` describes the tables. UsageError when the query is wrong, HostError without duckdb.
        """
        return query_runs(self.runs, sql)

    def __repr__(self) -> str:
        damaged = len(self.damage)
        told = f", {damaged} {DAMAGED}" if damaged else ""
        told = f", {self.watched} attachments{told}" if self.watched else told
        return (
            f"{type(self).__name__}({len(self)} runs, policies={self.policies!r}, scenarios={self.scenarios!r}{told})"
        )

    @property
    def damage(self) -> list[str]:
        """What is wrong with runs that were loaded although they are not as recorded, a sentence for each."""
        return [f"{run.name}: {'; '.join(run.damage)}" for run in self.runs if run.damage]

    def _repr_html_(self) -> str:
        return collection_html([(run.name, run.meta) for run in self.runs], [], self.skipped)


class Comparison(RunCollection):
    """A comparison folder. `meta` is comparison.json, `runs` its runs in the order in which they were made. `digest` is
    the SHA-256 that comparison.json ends with, None if it has none; `own_damage` says what is wrong with that file."""

    def __init__(
        self,
        folder: Path,
        meta: ComparisonMetadata,
        runs: list[Run],
        skipped: Sequence[str] = (),
        *,
        digest: str | None = None,
        own_damage: Sequence[str] = (),
    ) -> None:
        super().__init__(runs, folder, skipped)
        self.folder = folder
        self.meta = meta
        self.digest = digest
        self.own_damage = list(own_damage)

    @property
    def policies(self) -> list[str]:
        """The policies of the plan, in its order, also those of which no run was made."""
        return list(self.meta.policies)

    @property
    def damage(self) -> list[str]:
        """What is wrong with comparison.json, and with the runs."""
        return [*self.own_damage, *super().damage]

    def _repr_html_(self) -> str:
        shown = [(run.name, run.meta) for run in self.runs]
        return collection_html(shown, self.meta.verdict, self.skipped, self.own_damage)
