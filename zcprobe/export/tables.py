# SPDX-License-Identifier: GPL-2.0-only
"""One table of many runs as record batches, a chunk at a time."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa

from zcprobe.dataset.load import Run
from zcprobe.dataset.schema import table_schema
from zcprobe.errors import OutputError

__all__ = ["CHUNK_ROWS", "Rows", "iterate_batches", "table_rows"]

CHUNK_ROWS = 1 << 16
"""The number of rows held at a time. As Python objects they take some ten MB, whichever the table."""


class Rows(msgspec.Struct, frozen=True):
    """Record batches of at most CHUNK_ROWS rows each, and the `schema` (pyarrow.Schema) that all of them have."""

    schema: Any
    batches: Iterator[Any]


def _plain(schema: Any) -> Any:
    """The schema with categories as text, because a reader of CSV has no dictionary."""
    return pa.schema(
        [
            pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
            for field in schema
        ]
    )


def iterate_batches(run: Run, table: str, columns: list[str] | None = None) -> Iterator[Any]:
    """Yields pyarrow.RecordBatches of at most CHUNK_ROWS rows, with categories as text, and with all columns or those
    in `columns`. Yields nothing when the run has no such table. OutputError for a damaged file or one that lacks a
    column."""
    for part in run.iterate_parts(table, columns, CHUNK_ROWS):
        yield from part.cast(_plain(part.schema)).combine_chunks().to_batches()


def table_rows(runs: list[Run], table: str) -> Rows:
    """One table of all runs. Its first column, `run`, is the name of the run's folder. OutputError when no run has the
    table."""
    if not any(run.has(table) for run in runs):
        raise OutputError(f"no table {table} was recorded in these runs", "docs/run-format.md says which runs have it")
    schema = pa.schema([pa.field("run", pa.string()), *_plain(table_schema(table))])
    return Rows(schema, (_named(batch, run, schema) for run in runs for batch in iterate_batches(run, table)))


def _named(batch: Any, run: Run, schema: Any) -> Any:
    return pa.RecordBatch.from_arrays([pa.repeat(run.name, len(batch)), *batch.columns], schema=schema)
