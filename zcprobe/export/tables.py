"""A run's tables in chunks, checked before anybody relies on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zcprobe.dataset.load import Run
from zcprobe.dataset.version_1 import stalls_of_version_1
from zcprobe.errors import OutputError
from zcprobe.recorder.tables import TABLES

__all__ = ["CHUNK_ROWS", "Rows", "check_run", "iterate_table", "table_rows"]

CHUNK_ROWS = 1 << 16
"""Rows held at a time: some ten MB of any table as Python objects."""

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
    "goodput_bps",
    "cpu_user_ns",
    "cpu_system_ns",
    "lost_events",
    "lost_records",
)
"""Members of every run's summary that are never null."""

_ADDED_LATER = {"spurious_count"}
"""Columns that the first runs of format 1 did not have."""

_OF_FORMAT_2 = {"candidates", "evidence"}


class Rows(msgspec.Struct, frozen=True):
    """`schema` (pyarrow.Schema) and record batches that have it, at most CHUNK_ROWS rows each."""

    schema: Any
    batches: Iterator[Any]


def check_run(run: Run) -> None:
    """OutputError when a table is missing, cut short, lacks a column, or has values that are missing (null or NaN)."""
    summary = run.meta.get("summary")
    for name in _SUMMARY_NUMBERS:
        value = summary.get(name) if isinstance(summary, dict) else None
        if not isinstance(value, int | float):
            raise OutputError(f"{run.folder / 'run.json'}: summary.{name} is no number", _DAMAGED)
    unneeded = _ADDED_LATER | _OF_FORMAT_2 if run.meta["format_version"] == 1 else set()
    for name, table in TABLES.items():
        path, recorded = run.folder / f"{name}.parquet", run.meta["rows"].get(name, 0)
        if path.exists():
            _check_table(path, set(table.columns) - unneeded, recorded)
        elif recorded:
            raise OutputError(f"{path} is missing, though {recorded:,} rows were recorded", _DAMAGED)


def _check_table(path: Path, needed: set[str], recorded: int) -> None:
    with _open(path) as file:
        if file.metadata.num_rows != recorded:
            raise OutputError(f"{path} has {file.metadata.num_rows:,} rows, recorded were {recorded:,}", _DAMAGED)
        _require_columns(path, file, needed)
        for index, column in enumerate(file.schema_arrow):
            count = _missing_count(file, index, column)
            if count:
                raise OutputError(f"{path}: {count:,} values of column {column.name} are missing (NaN)", _DAMAGED)


def _require_columns(path: Path, file: Any, needed: set[str]) -> None:
    missing = sorted(needed - set(file.schema_arrow.names))
    if missing:
        raise OutputError(f"{path} has no column {', '.join(missing)}", _DAMAGED)


def _missing_count(file: Any, index: int, column: Any) -> int:
    """Nulls and NaN. Whole numbers cannot be NaN, and of their nulls the file's statistics tell."""
    if pa.types.is_floating(column.type):
        batches = file.iter_batches(CHUNK_ROWS, columns=[column.name])
        return sum(int(pc.sum(pc.is_null(batch[0], nan_is_null=True)).as_py() or 0) for batch in batches)
    groups = (file.metadata.row_group(group).column(index) for group in range(file.metadata.num_row_groups))
    return sum(group.statistics.null_count or 0 for group in groups if group.statistics is not None)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """A pyarrow.parquet.ParquetFile; what goes wrong while it is read becomes an OutputError."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise OutputError(f"{path} cannot be read: {str(error).splitlines()[0]}", _DAMAGED) from error


def _plain(schema: Any) -> Any:
    """Categories as text: a reader of CSV has no dictionary."""
    return pa.schema(
        [
            pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
            for field in schema
        ]
    )


def iterate_table(run: Run, table: str, columns: list[str] | None = None) -> Iterator[Any]:
    """pyarrow.RecordBatches of at most CHUNK_ROWS rows, categories as text, all columns or those named; nothing when
    the run has no such table. OutputError for a damaged file or one that lacks a column."""
    if table == "stalls" and run.meta["format_version"] == 1:
        for batch in iterate_table(run, "flushes"):
            stalls = stalls_of_version_1(batch.to_pandas())
            yield pa.RecordBatch.from_pandas(stalls[columns] if columns else stalls, preserve_index=False)
        return
    path = run.folder / f"{table}.parquet"
    if not path.exists():
        return
    with _open(path) as file:
        _require_columns(path, file, set(columns or ()))
        for batch in file.iter_batches(CHUNK_ROWS, columns=columns):
            yield batch.cast(_plain(batch.schema))


def table_rows(runs: list[Run], table: str) -> Rows:
    """One table of all runs, with the name of the run's folder as first column `run`; a column that only some runs
    have is null for the others. OutputError when no run has the table."""
    paths = [run.folder / f"{table}.parquet" for run in runs]
    schemas = []
    for path in paths:
        if path.exists():
            with _open(path) as file:
                schemas.append(_plain(file.schema_arrow))
    if not schemas:
        raise OutputError(f"no table {table} was recorded in these runs", "docs/run-format.md says which runs have it")
    own = pa.unify_schemas(schemas, promote_options="permissive")
    schema = pa.schema([pa.field("run", pa.string()), *own]).remove_metadata()
    return Rows(schema, (_widen(batch, run, schema) for run in runs for batch in iterate_table(run, table)))


def _widen(batch: Any, run: Run, schema: Any) -> Any:
    have = {"run": pa.repeat(run.folder.name, len(batch))}
    nulls = pa.nulls(len(batch))
    have |= {name: batch.column(name) for name in batch.schema.names}
    columns = [have.get(field.name, nulls).cast(field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
