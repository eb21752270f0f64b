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
"""Rows held at a time: some ten MB of any table as Python objects."""


class Rows(msgspec.Struct, frozen=True):
    """`schema` (pyarrow.Schema) and record batches that have it, at most CHUNK_ROWS rows each."""

    schema: Any
    batches: Iterator[Any]


def _plain(schema: Any) -> Any:
    """Categories as text: a reader of CSV has no dictionary."""
    return pa.schema(
        [
            pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
            for field in schema
        ]
    )


def iterate_batches(run: Run, table: str, columns: list[str] | None = None) -> Iterator[Any]:
    """pyarrow.RecordBatches of at most CHUNK_ROWS rows, categories as text, all columns or those named; nothing when
    the run has no such table. OutputError for a damaged file or one that lacks a column."""
    for part in run.iterate_parts(table, columns, CHUNK_ROWS):
        yield from part.cast(_plain(part.schema)).combine_chunks().to_batches()


def table_rows(runs: list[Run], table: str) -> Rows:
    """One table of all runs, with the name of the run's folder as first column `run`. OutputError when no run has the
    table."""
    if not any(run.has(table) for run in runs):
        raise OutputError(f"no table {table} was recorded in these runs", "docs/run-format.md says which runs have it")
    schema = pa.schema([pa.field("run", pa.string()), *_plain(table_schema(table))])
    return Rows(schema, (_named(batch, run, schema) for run in runs for batch in iterate_batches(run, table)))


def _named(batch: Any, run: Run, schema: Any) -> Any:
    return pa.RecordBatch.from_arrays([pa.repeat(run.name, len(batch)), *batch.columns], schema=schema)
