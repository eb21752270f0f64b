# SPDX-License-Identifier: GPL-2.0-only
"""Checks the tables of a run before anybody relies on them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from zcprobe.dataset.run import Run
from zcprobe.dataset.table import CHUNK_ROWS, open_table, require_footer, require_types
from zcprobe.errors import OutputError
from zcprobe.format.tables import TABLES

__all__ = ["check_run", "check_table"]

_LONGEST_NS = 2**62
"""146 years."""
_DAMAGED = "the file is damaged; copy it again from where it was recorded, or run again"


def check_run(run: Run) -> None:
    """OutputError when a table is missing, cut short, lacks a column, has one twice or of another kind, or has values
    that are missing (null or NaN).

    No page is read for it; whether one is as it was written is seen when it is. Of a run that is known not to be as
    recorded a table may be missing, and have other rows.
    """
    for name in TABLES:
        path, recorded = run.folder / f"{name}.parquet", run.meta.rows.get(name, 0)
        if run.is_recorded(name):
            rows = check_table(path, name, run.format_version)
            if rows != recorded and not run.damage:
                raise OutputError(f"{path} has {rows:,} rows, recorded were {recorded:,}", _DAMAGED)
        elif recorded and not run.damage:
            raise OutputError(f"{path} is missing, though {recorded:,} rows were recorded", _DAMAGED)


def check_table(path: Path, name: str, version: int) -> int:
    """Its rows; OutputError when it lacks a column, has one of another kind, or has values that are missing or are no
    times where they should be."""
    with open_table(path) as file:
        require_types(path, file, name, version, TABLES[name].columns)
        require_footer(path)
        for index, column in enumerate(file.schema_arrow):
            _require_times(path, file, index, column.name)
            count = _missing_count(file, index, column)
            if count:
                raise OutputError(f"{path}: {count:,} values of column {column.name} are missing (NaN)", _DAMAGED)
        return int(file.metadata.num_rows)


def _require_times(path: Path, file: Any, index: int, column: str) -> None:
    """OutputError for moments of CLOCK_MONOTONIC or durations so large that their sums would not fit into 64 bits."""
    if not column.endswith("_ns"):
        return
    groups = (file.metadata.row_group(group).column(index) for group in range(file.metadata.num_row_groups))
    found = [group.statistics for group in groups if group.statistics is not None and group.statistics.has_min_max]
    for statistics in found:
        if statistics.min < 0 or statistics.max > _LONGEST_NS:
            told = f"{statistics.min:,} to {statistics.max:,} ns"
            raise OutputError(
                f"{path}: column {column} has values of {told}, expected were 0 to {_LONGEST_NS:,}", _DAMAGED
            )


def _missing_count(file: Any, index: int, column: Any) -> int:
    """The number of nulls and NaN. Whole numbers cannot be NaN, and the file's statistics count their nulls."""
    if pa.types.is_floating(column.type):
        batches = file.iter_batches(CHUNK_ROWS, columns=[column.name])
        return sum(int(pc.sum(pc.is_null(batch[0], nan_is_null=True)).as_py() or 0) for batch in batches)
    groups = (file.metadata.row_group(group).column(index) for group in range(file.metadata.num_row_groups))
    return sum(group.statistics.null_count or 0 for group in groups if group.statistics is not None)
