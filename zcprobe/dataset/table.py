"""One Parquet table of a run: the columns asked for, whole or in chunks, checked as they are read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zcprobe.dataset.schema import derive, fill_value, may_lack, sources_of, table_schema
from zcprobe.errors import OutputError, UsageError

__all__ = ["CHUNK_ROWS", "empty_table", "iterate_table", "read_table", "require_columns"]

CHUNK_ROWS = 1 << 20

_DAMAGED = "the file is damaged or was changed; record the run again"


def require_columns(name: str, columns: Sequence[str] | None) -> list[str]:
    """`columns`, or all of the table; UsageError for one that it does not have."""
    known = table_schema(name).names
    for column in columns or ():
        if column not in known:
            raise UsageError(f"{name} has no column {column!r}", f"its columns: {', '.join(known)}")
    return list(known if columns is None else columns)


def empty_table(name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """No rows; the columns with the types that they would have."""
    frame: pd.DataFrame = table_schema(name).empty_table().select(require_columns(name, columns)).to_pandas()
    return frame


def read_table(path: Path, name: str, version: int, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The columns (default: all) of a table's file. OutputError when it is damaged or has missing values."""
    asked = require_columns(name, columns)
    with _opened(path) as file:
        present = _present(path, file, name, version, asked)
        return _frame(path, name, file.read(columns=present), asked)


def iterate_table(
    path: Path, name: str, version: int, columns: Sequence[str] | None = None, rows: int = CHUNK_ROWS
) -> Iterator[pd.DataFrame]:
    """The same, at most `rows` rows at a time; the index goes on from chunk to chunk."""
    asked = require_columns(name, columns)
    first = 0
    with _opened(path) as file:
        present = _present(path, file, name, version, asked)
        for batch in file.iter_batches(rows, columns=present):
            frame = _frame(path, name, pa.Table.from_batches([batch]), asked)
            frame.index = pd.RangeIndex(first, first + len(frame))
            first += len(frame)
            yield frame


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """What Arrow finds wrong, now or while reading, is an OutputError."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise OutputError(f"{path} cannot be read: {str(error).splitlines()[0]}", _DAMAGED) from error


def _present(path: Path, file: pq.ParquetFile, name: str, version: int, asked: list[str]) -> list[str]:
    """Of the columns asked for those in the file; one is always read, for the number of rows."""
    in_file = file.schema_arrow.names
    for column in asked:
        if column not in in_file and not may_lack(name, column, version):
            raise OutputError(f"{path} has no column {column}", _DAMAGED)
    derived = [needed for column in asked if column not in in_file for needed in sources_of(name, column)]
    wanted = {*asked, *derived}
    return [column for column in in_file if column in wanted] or in_file[:1]


def _frame(path: Path, name: str, table: pa.Table, asked: list[str]) -> pd.DataFrame:
    schema = table_schema(name)
    columns = {
        column: _checked(path, column, table[column], schema.field(column).type)
        if column in table.column_names
        else _filled(name, column, table, schema.field(column).type)
        for column in asked
    }
    # nothing is copied twice: ten million rows have to fit
    frame: pd.DataFrame = pa.table(columns).to_pandas(split_blocks=True)
    return frame


def _filled(name: str, column: str, table: pa.Table, kind: pa.DataType) -> pa.Array:
    rows = table.num_rows
    sources = sources_of(name, column)
    if sources and set(sources) <= set(table.column_names):
        return pa.array(derive(name, column, table), kind)
    value = fill_value(name, column)
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), rows), [value])
    return pa.repeat(pa.scalar(value, kind), rows)


def _checked(path: Path, column: str, values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    missing = values.null_count
    if pa.types.is_floating(values.type):
        missing += pc.sum(pc.is_nan(values)).as_py() or 0
    if missing:
        raise OutputError(f"{path}: {missing:,} values of column {column} are missing", _DAMAGED)
    if values.type == kind or (pa.types.is_dictionary(kind) and pa.types.is_dictionary(values.type)):
        return values
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        raise OutputError(f"{path}: column {column} holds {values.type}, not {kind}", _DAMAGED) from None
