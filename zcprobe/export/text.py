# SPDX-License-Identifier: GPL-2.0-only
"""Tables as CSV and JSON Lines, a chunk at a time."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
from pyarrow import csv

from zcprobe.export.tables import Rows

__all__ = ["write_csv", "write_jsonl"]


def write_csv(rows: Rows, file: BinaryIO) -> None:
    """Writes a header and a line per row. Text is in quotes, a bool is true or false, and a missing value is empty."""
    with csv.CSVWriter(file, rows.schema) as writer:
        for batch in rows.batches:
            writer.write_batch(batch)


def write_jsonl(rows: Rows, file: BinaryIO) -> None:
    """Writes one object per row, with the columns as keys. A missing value is null."""
    encoder = msgspec.json.Encoder()
    for batch in rows.batches:
        file.write(encoder.encode_lines(list(_objects(batch))))


def _objects(batch: Any) -> Iterator[dict[str, Any]]:
    names = batch.schema.names
    columns = [_values(column) for column in batch.columns]
    return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))


def _values(column: Any) -> list[Any]:
    """The values of a column. numpy is several times as fast as to_pylist(), but would turn integers into floats in a
    column that has a null."""
    values: list[Any] = column.to_pylist() if column.null_count else column.to_numpy(zero_copy_only=False).tolist()
    return values
