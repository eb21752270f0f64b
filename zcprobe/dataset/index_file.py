# SPDX-License-Identifier: GPL-2.0-only
"""The file index.parquet: the rows of the runs beside it, with a digest of itself.

The digest is in the footer's metadata, as `zcprobe_sha256`: the SHA-256, in hexadecimal, of the whole file with 64
zeros in the digest's place. So one bit that differs is found before Arrow parses any; it may abort on damaged bytes.
"""

import hashlib
import re
from functools import cache
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zcprobe.dataset.files import read_bounded
from zcprobe.dataset.rows import known_schema
from zcprobe.errors import OutputError
from zcprobe.format.metadata import FORMAT_MINOR, FORMAT_VERSION
from zcprobe.format.outcomes import OUTCOME_WORDS
from zcprobe.version import VERSION

__all__ = ["INDEX_FILE", "ORIGIN", "decode_index", "encode_index", "index_schema", "require_own"]

INDEX_FILE = "index.parquet"

ORIGIN = pa.schema(
    [
        ("index_folder", pa.binary()),
        ("index_run_json_bytes", pa.int64()),
        ("index_run_json_mtime_ns", pa.int64()),
        ("index_run_json_sha256", pa.string()),
    ]
)
"""Columns of an index besides those of the table of runs: the run's folder, relative to that of the index, in the bytes
of its name; and of the run.json from which the row was made, size, modification time, and the digest that it ends with,
null for a run from before there were digests."""

_MOST_BYTES = 256 << 20
"""Ten thousand runs take some 2 MB."""

_NO_DIGEST = b"0" * 64
_DIGEST = re.compile(rb"zcprobe_sha256\x18\x40([0-9a-f]{64})")
"""As Thrift's compact protocol writes the pair: the key, the type of the next member, its length, and its bytes."""

_REMAKE = "delete the file, or make it again: zcprobe index DIR"


def index_schema() -> pa.Schema:
    """The columns that every index has."""
    return pa.unify_schemas([known_schema(), ORIGIN])


@cache
def _maker() -> str:
    """Names the reader whose rows these are. Another version may tell other facts of a run."""
    columns = ",".join(f"{field.name}:{field.type}" for field in known_schema())
    of_columns = hashlib.sha256(columns.encode()).hexdigest()[:16]
    return f"{VERSION} {FORMAT_VERSION}.{FORMAT_MINOR} {of_columns}"


def encode_index(table: pa.Table) -> bytes:
    """The file's content. `table` has the columns of ORIGIN and those of `zcprobe.dataset.rows.runs_table`."""
    table = table.replace_schema_metadata(None)
    sink = BytesIO()
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"zcprobe_index": _maker(), "zcprobe_sha256": _NO_DIGEST.decode()})
    content = sink.getvalue()
    begin, end = _place(content)
    return content[:begin] + hashlib.sha256(content).hexdigest().encode() + content[end:]


def _place(content: bytes) -> tuple[int, int]:
    """Where the digest's digits are: the last place that looks like it, because the footer ends the file."""
    *_, last = _DIGEST.finditer(content)
    return last.span(1)


def require_own(path: Path) -> None:
    """OutputError for a file that zcprobe has not written as an index; one that is damaged since is its own."""
    try:
        content = read_bounded(path, _MOST_BYTES)
    except FileNotFoundError:
        return
    if _DIGEST.search(content) is None:
        raise OutputError(
            f"{path} is not an index that zcprobe wrote, and is not overwritten", "move it away, or rename it"
        )


def decode_index(path: Path) -> pa.Table | None:
    """The table, or None where it is not there, or another version of zcprobe or another program has made it.
    OutputError where it is not as it was written."""
    try:
        content = read_bounded(path, _MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if _DIGEST.search(content) is None:
        return None
    begin, end = _place(content)
    if hashlib.sha256(content[:begin] + _NO_DIGEST + content[end:]).hexdigest().encode() != content[begin:end]:
        raise OutputError(f"{path} is not as it was written: its digest is of other bytes", _REMAKE)
    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            if file.metadata.metadata.get(b"zcprobe_index") != _maker().encode():
                return None
            table = file.read().replace_schema_metadata(None)
    except (pa.ArrowException, OSError, MemoryError, ValueError) as error:
        raise OutputError(f"{path} cannot be read: {str(error).splitlines()[0]}", _REMAKE) from error
    _require_rows(path, table)
    return table


def _require_rows(path: Path, table: pa.Table) -> None:
    """OutputError for what no index has: other columns or types, no value of an origin, text that cannot be printed, an
    unknown outcome."""
    found = {field.name: field.type for field in table.schema}
    fits = all(found.get(field.name) == field.type for field in index_schema()) and len(found) == table.num_columns
    plain = {pa.null(), pa.bool_(), pa.int64(), pa.float64(), pa.string()}
    fits &= {kind for name, kind in found.items() if name not in ORIGIN.names} <= plain
    if not fits or any(table[name].null_count for name in ORIGIN.names[:-1]):
        raise OutputError(f"{path} has other columns than an index", _REMAKE)
    try:
        texts = [text for name, kind in found.items() if kind == pa.string() for text in _words(table[name])]
        is_printable = all(text.isprintable() for text in [*texts, *found])
    except UnicodeDecodeError:
        is_printable = False
    if not is_printable:
        raise OutputError(f"{path} has text that cannot be printed", _REMAKE)
    if not set(_words(table["outcome"])) <= set(OUTCOME_WORDS):
        raise OutputError(f"{path} has another outcome than {', '.join(OUTCOME_WORDS)}", _REMAKE)


def _words(column: pa.ChunkedArray) -> list[str]:
    words: list[str] = pc.unique(column.drop_null()).to_pylist()
    return words
