# SPDX-License-Identifier: GPL-2.0-only
"""One Parquet table of a run: the columns asked for, whole or in chunks, checked as they are read."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zcprobe.dataset.files import open_regular
from zcprobe.dataset.schema import derive, fill_value, may_lack, source_type, sources_of, table_schema
from zcprobe.errors import OutputError, UsageError

__all__ = [
    "CHUNK_ROWS",
    "bounds_ns",
    "empty_table",
    "group_starts",
    "iterate_parts",
    "iterate_table",
    "open_table",
    "read_table",
    "require_columns",
    "require_footer",
    "require_types",
    "sql_schema",
    "time_column",
]

CHUNK_ROWS = 1 << 20

_TIME_COLUMNS = ("time_ns", "start_ns")
_END_OF_TIME = 2**63 - 1

_MOST_WORDS, _LONGEST_WORD = 256, 64
"""Of the categories of a column."""

_DAMAGED = "the file is damaged or was changed; record the run again"


def require_columns(name: str, columns: Sequence[str] | None) -> list[str]:
    """`columns`, or all columns of the table. UsageError for one that the table does not have."""
    known = table_schema(name).names
    for column in columns or ():
        if column not in known:
            raise UsageError(f"{name} has no column {column!r}", f"its columns: {', '.join(known)}")
    return list(known if columns is None else columns)


def time_column(name: str) -> str:
    """The name of the column that holds the time of each row."""
    known = table_schema(name).names
    return next(column for column in _TIME_COLUMNS if column in known)


def empty_table(name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A frame without rows, whose columns have the types of the table."""
    frame: pd.DataFrame = table_schema(name).empty_table().select(require_columns(name, columns)).to_pandas()
    return frame


def read_table(
    path: Path, name: str, version: int, columns: Sequence[str] | None = None, where: slice = slice(None)
) -> pd.DataFrame:
    """The columns (default: all) of a table's file, of the rows whose time in ns lies in `where`. OutputError when it
    is damaged or has missing values."""
    asked = require_columns(name, columns)
    clock = time_column(name)
    parts = []
    with open_table(path) as file:
        present = _present(path, file, name, version, asked if where == slice(None) else [*asked, clock])
        if where == slice(None):
            return _frame(_columns(path, name, version, file.read(columns=present), asked))
        groups = _groups(path, file, clock, where)
        # one group after the other: of a run with many channels they lie beside each other in time
        for group in groups:
            rows = file.read_row_group(group, columns=present)
            parts.append(_columns(path, name, version, rows.filter(_within(rows[clock], where)), asked))
    return _frame(pa.concat_tables(parts)) if parts else empty_table(name, columns)


def iterate_table(
    path: Path, name: str, version: int, columns: Sequence[str] | None = None, rows: int = CHUNK_ROWS
) -> Iterator[pd.DataFrame]:
    """Like `read_table`, at most `rows` rows at a time. The index continues from chunk to chunk."""
    first = 0
    for part in iterate_parts(path, name, version, columns, rows):
        frame = _frame(part)
        frame.index = pd.RangeIndex(first, first + len(frame))
        first += len(frame)
        yield frame


def iterate_parts(
    path: Path, name: str, version: int, columns: Sequence[str] | None = None, rows: int = CHUNK_ROWS
) -> Iterator[Any]:
    """Like `iterate_table`, as pyarrow.Tables with the types of `table_schema()`."""
    asked = require_columns(name, columns)
    with open_table(path) as file:
        present = _present(path, file, name, version, asked)
        for batch in file.iter_batches(rows, columns=present):
            yield _columns(path, name, version, pa.Table.from_batches([batch]), asked)


def group_starts(path: Path, name: str) -> list[tuple[int, int]]:
    """(earliest time in ns, rows) of each row group that has rows, from the file's statistics."""
    with open_table(path) as file:
        bounds = _time_bounds(path, file, time_column(name))
        return [(low, file.metadata.row_group(group).num_rows) for group, (low, _) in bounds.items()]


def require_footer(path: Path) -> None:
    """OutputError where what the file's footer says of its columns is wrong. To be called before pyarrow's
    `row_group().column()`, which has no way to say so: there the exception of Arrow ends the process."""
    status = os.stat(path)
    _require_footer(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=1 << 14)
def _require_footer(path: Path, *_: int) -> None:
    """Reads one row of each column of each row group, once for each state of the file."""
    with open_table(path) as file:
        for group in range(file.num_row_groups):
            next(file.iter_batches(1, row_groups=[group]), None)


def _time_bounds(path: Path, file: pq.ParquetFile, clock: str) -> dict[int, tuple[int, int]]:
    """Row group -> its earliest and latest time; all of time where there are no statistics."""
    require_footer(path)
    position = file.schema_arrow.get_field_index(clock)
    bounds = {}
    for group in range(file.num_row_groups):
        if file.metadata.row_group(group).num_rows:
            found = file.metadata.row_group(group).column(position).statistics if position >= 0 else None
            known = (found.min, found.max) if found is not None and found.has_min_max else (0, _END_OF_TIME)
            bounds[group] = known
    return bounds


def _groups(path: Path, file: pq.ParquetFile, clock: str, where: slice) -> list[int]:
    begin, end = bounds_ns(where)
    return [group for group, (low, high) in _time_bounds(path, file, clock).items() if high >= begin and low < end]


def bounds_ns(where: slice) -> tuple[int, int]:
    """The slice of time as (first, end), in ns; the end is not part of it."""
    return 0 if where.start is None else where.start, _END_OF_TIME if where.stop is None else where.stop


def _within(times: pa.ChunkedArray, where: slice) -> pa.ChunkedArray:
    begin, end = bounds_ns(where)
    return pc.and_(pc.greater_equal(times, begin), pc.less(times, end))


@contextmanager
def open_table(path: Path) -> Iterator[pq.ParquetFile]:
    """Opens a table. Errors of Arrow, now or while the block reads, become OutputError. Pages are checked against their
    checksums, in files that have them."""
    try:
        with open_regular(path) as source, pq.ParquetFile(source, page_checksum_verification=True) as file:
            yield file
    except (pa.ArrowException, OSError, MemoryError, OverflowError, RecursionError, UnicodeDecodeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise OutputError(f"{path} cannot be read: {reason}", _DAMAGED) from error


def require_types(path: Path, file: pq.ParquetFile, name: str, version: int, asked: Sequence[str]) -> None:
    """OutputError for a column asked for that is not there, is there twice, or holds what that column never does."""
    in_file = file.schema_arrow
    needed = {*asked, *(source for one in asked for source in sources_of(name, one, version))}
    missing = sorted(one for one in needed if one not in in_file.names and not may_lack(name, one, version))
    if missing:
        raise OutputError(f"{path} has no column {', '.join(missing)}", _DAMAGED)
    for column in sorted(needed & set(in_file.names)):
        if in_file.names.count(column) > 1:
            raise OutputError(f"{path} has the column {column} {in_file.names.count(column)} times", _DAMAGED)
        found, expected = in_file.field(column).type, source_type(name, column)
        if not _may_stand_for(found, expected):
            raise OutputError(f"{path}: column {column} holds {found}, not {expected}", _DAMAGED)


def sql_schema(path: Path, name: str, version: int) -> pa.Schema:
    """The table's columns that the file has, and those of an older version that tell the same, categories as text."""
    known = table_schema(name)
    with open_table(path) as file:
        require_types(path, file, name, version, known.names)
        sources = {source for column in known.names for source in sources_of(name, column, version)} - set(known.names)
        found = [known.field(column) for column in known.names if column in file.schema_arrow.names]
        found += [file.schema_arrow.field(column) for column in sorted(sources & set(file.schema_arrow.names))]
    return pa.schema([(one.name, pa.string() if pa.types.is_dictionary(one.type) else one.type) for one in found])


def _may_stand_for(found: pa.DataType, kind: pa.DataType) -> bool:
    """Whether values of a type can be read as those of the column: a number as a number, whose range is then looked at,
    words as words, and a yes or no as one."""
    if pa.types.is_dictionary(kind):
        found = found.value_type if pa.types.is_dictionary(found) else found
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    if pa.types.is_boolean(kind):
        return bool(pa.types.is_boolean(found))
    return bool(pa.types.is_integer(found) or pa.types.is_floating(found))


def _present(path: Path, file: pq.ParquetFile, name: str, version: int, asked: list[str]) -> list[str]:
    """Those of the asked columns that the file has. At least one column is always read, for the number of rows."""
    require_types(path, file, name, version, asked)
    in_file = file.schema_arrow.names
    wanted = {*asked, *(source for column in asked for source in sources_of(name, column, version))}
    return [column for column in in_file if column in wanted] or in_file[:1]


def _columns(path: Path, name: str, version: int, table: pa.Table, asked: list[str]) -> pa.Table:
    """What was asked for, checked; worked out or filled in where the file's version does not have it."""
    return pa.table({column: _column(path, name, version, table, column) for column in asked})


def _column(path: Path, name: str, version: int, table: pa.Table, column: str) -> pa.ChunkedArray | pa.Array:
    kind = table_schema(name).field(column).type
    sources = sources_of(name, column, version)
    if sources and set(sources) <= set(table.column_names):
        checked = {source: _checked(path, source, table[source], source_type(name, source)) for source in sources}
        return pa.array(derive(name, column, version, pa.table(checked)), kind)
    if column in table.column_names:
        return _checked(path, column, table[column], kind)
    return _filled(name, column, table.num_rows, kind)


def _frame(table: pa.Table) -> pd.DataFrame:
    # nothing is copied twice: ten million rows have to fit
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame


def _filled(name: str, column: str, rows: int, kind: pa.DataType) -> pa.Array:
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
    if values.type == kind and not pa.types.is_dictionary(kind):
        return values
    if pa.types.is_dictionary(kind):
        return _words(path, column, values)
    try:
        return values.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise OutputError(f"{path}: column {column} holds {values.type}, not {kind}", _DAMAGED) from None


def _words(path: Path, column: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as categories. OutputError for words that no enum can have, because they would be shown unchanged."""
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    for chunk in encoded.chunks:
        words = chunk.dictionary.to_pylist() if len(chunk.dictionary) <= _MOST_WORDS else [None]
        if len({word for word in words if word and len(word) <= _LONGEST_WORD and word.isprintable()}) < len(words):
            raise OutputError(f"{path}: column {column} holds other words than those of a run", _DAMAGED)
    return encoded
