"""A run's tables, checked before anybody relies on them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from zcprobe.dataset.run import Run
from zcprobe.dataset.schema import may_lack
from zcprobe.dataset.table import CHUNK_ROWS, open_table
from zcprobe.errors import OutputError
from zcprobe.recorder.tables import TABLES

__all__ = ["check_run"]

_DAMAGED = "the file is damaged; copy it again from where it was recorded, or run again"
_SUMMARY_NUMBERS = (
    "duration_ns",
    "sends",
    "completions",
    "notifications",
    "copied_completions",
    "enobufs_count",
    "stall_count",
    "stall_ns_total",
    "optmem_max_bytes",
    "optmem_baseline_bytes",
    "optmem_peak_bytes",
    "charge_bytes",
    "bytes_sent",
    "cpu_user_ns",
    "cpu_system_ns",
    "lost_events",
    "lost_records",
)
"""Members of every run's summary that are never null."""
_SUMMARY_NUMBERS_OR_NULL = ("goodput_bps", "sink_bytes", "bytes_missing")
"""Null where the sink did not report."""


def check_run(run: Run) -> None:
    """OutputError when a table is missing, cut short, lacks a column, or has values that are missing (null or NaN).

    No page is read for it; whether one is as it was written is seen when it is.
    """
    summary = run.meta.get("summary")
    for name in (*_SUMMARY_NUMBERS, *_SUMMARY_NUMBERS_OR_NULL):
        value = summary.get(name) if isinstance(summary, dict) else None
        if not isinstance(value, int | float) and (value is not None or name in _SUMMARY_NUMBERS):
            raise OutputError(f"{run.folder / 'run.json'}: summary.{name} is no number", _DAMAGED)
    for name, table in TABLES.items():
        path, recorded = run.folder / f"{name}.parquet", run.meta["rows"].get(name, 0)
        if path.exists():
            needed = {column for column in table.columns if not may_lack(name, column, run.format_version)}
            _check_table(path, needed, recorded)
        elif recorded:
            raise OutputError(f"{path} is missing, though {recorded:,} rows were recorded", _DAMAGED)


def _check_table(path: Path, needed: set[str], recorded: int) -> None:
    with open_table(path) as file:
        if file.metadata.num_rows != recorded:
            raise OutputError(f"{path} has {file.metadata.num_rows:,} rows, recorded were {recorded:,}", _DAMAGED)
        missing = sorted(needed - set(file.schema_arrow.names))
        if missing:
            raise OutputError(f"{path} has no column {', '.join(missing)}", _DAMAGED)
        for index, column in enumerate(file.schema_arrow):
            count = _missing_count(file, index, column)
            if count:
                raise OutputError(f"{path}: {count:,} values of column {column.name} are missing (NaN)", _DAMAGED)


def _missing_count(file: Any, index: int, column: Any) -> int:
    """Nulls and NaN. Whole numbers cannot be NaN, and of their nulls the file's statistics tell."""
    if pa.types.is_floating(column.type):
        batches = file.iter_batches(CHUNK_ROWS, columns=[column.name])
        return sum(int(pc.sum(pc.is_null(batch[0], nan_is_null=True)).as_py() or 0) for batch in batches)
    groups = (file.metadata.row_group(group).column(index) for group in range(file.metadata.num_row_groups))
    return sum(group.statistics.null_count or 0 for group in groups if group.statistics is not None)
