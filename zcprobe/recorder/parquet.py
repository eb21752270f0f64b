# SPDX-License-Identifier: GPL-2.0-only
"""Converts the C core's raw records to Parquet files, a chunk at a time."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from zcprobe.format.tables import Table
from zcprobe.recorder.spools import iterate_records

__all__ = ["write_table"]


def _array(kind: pa.DataType, count: int, values: NDArray[Any]) -> pa.Array:
    """An Arrow array without nulls. It does not use `pa.array()`, which imports pandas to check whether the values are
    pandas'."""
    return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(values)], null_count=0)


def _words(words: list[str]) -> pa.Array:
    ends = np.cumsum([0, *map(len, words)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(words), pa.py_buffer(ends), pa.py_buffer("".join(words).encode()))


def _column(table: Table, records: NDArray[np.void], name: str) -> pa.Array:
    values = np.ascontiguousarray(records[name])
    count = len(values)
    if name in table.flags:
        return _array(pa.bool_(), count, np.packbits(values != 0, bitorder="little"))
    if name in table.enums:
        names = table.enums[name]
        codes = sorted(names)
        indices = _array(pa.int8(), count, np.searchsorted(codes, values).astype(np.int8))
        return pa.DictionaryArray.from_arrays(indices, _words([names[code] for code in codes]))
    # 64-bit columns are signed in every table. A send without an id has UINT64_MAX, which becomes -1
    signed = values.view(np.int64) if values.dtype == np.uint64 else values
    return _array(pa.from_numpy_dtype(signed.dtype), count, signed)


def _batch(table: Table, records: NDArray[np.void]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_column(table, records, name) for name in table.columns], names=table.columns)


def write_table(table: Table, spools: list[Path], folder: Path) -> int:
    """Writes `<name>.parquet` from the spool files in order, and returns the number of rows."""
    empty = _batch(table, np.empty(0, table.dtype))
    rows = 0
    with pq.ParquetWriter(
        folder / f"{table.name}.parquet", empty.schema, compression="zstd", write_page_checksum=True
    ) as writer:
        for spool in spools:
            for records in iterate_records(spool, table):
                writer.write_batch(_batch(table, records))
                rows += len(records)
    return rows
