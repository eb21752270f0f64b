"""From the C core's raw records to Parquet tables, a chunk at a time."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from zcprobe.native.structs import dtype_of, enum_names

__all__ = ["EVENT_TABLE", "SENDER_TABLES", "TABLES", "Table", "iterate_records", "write_table"]

_CHUNK_RECORDS = 1 << 18


class Table(msgspec.Struct, frozen=True):
    """`struct` is the record in C; `flags` become bool columns, `enums` (column -> enum, prefix) become categories."""

    name: str
    struct: str
    flags: tuple[str, ...] = ()
    enums: dict[str, tuple[str, str]] = {}

    @property
    def columns(self) -> list[str]:
        return [name for name in dtype_of(self.struct).names or () if name != "reserved"]


SENDER_TABLES = (
    Table("sends", "zc_send_record", ("zerocopy", "copied_on_purpose")),
    Table("notifications", "zc_notification_record", ("copied",)),
    Table("flushes", "zc_flush_record", ("blocking",), {"trigger": ("zc_flush_trigger", "ZC_TRIGGER_")}),
    Table("meminfo", "zc_meminfo_record", (), {"reason": ("zc_meminfo_reason", "ZC_MEMINFO_")}),
    Table("rounds", "zc_round_record", ("is_final",)),
    Table("requests", "zc_request_record", ("zerocopy",)),
    Table("stalls", "zc_stall_record"),
)
"""In the order of enum zc_stream_index."""

EVENT_TABLE = Table("kernel_events", "zc_kernel_event", ("copied",), {"kind": ("zc_event_kind", "ZC_EVENT_")})

TABLES: dict[str, Table] = {table.name: table for table in (*SENDER_TABLES, EVENT_TABLE)}


def iterate_records(spool: Path, struct: str) -> Iterator[NDArray[np.void]]:
    """The records of a spool file, at most 262,144 at a time. Read, not mapped: mapped pages count as resident."""
    dtype = dtype_of(struct)
    with spool.open("rb") as file:
        while len(records := np.fromfile(file, dtype, _CHUNK_RECORDS)):
            yield records


def _column(table: Table, records: NDArray[np.void], name: str) -> pa.Array:
    values = np.ascontiguousarray(records[name])
    if name in table.flags:
        return pa.array(values != 0)
    if name in table.enums:
        names = enum_names(*table.enums[name])
        codes = sorted(names)
        indices = np.searchsorted(codes, values).astype(np.int8)
        return pa.DictionaryArray.from_arrays(indices, [names[code] for code in codes])
    # 64-bit columns are signed in every table; the "no id" of a send that got none, UINT64_MAX, becomes -1
    return pa.array(values.astype(np.int64) if values.dtype == np.uint64 else values)


def _batch(table: Table, records: NDArray[np.void]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_column(table, records, name) for name in table.columns], names=table.columns)


def write_table(table: Table, spools: list[Path], folder: Path) -> int:
    """Writes `<name>.parquet` from the spool files, one after the other, and returns the number of rows."""
    empty = _batch(table, np.empty(0, dtype_of(table.struct)))
    rows = 0
    with pq.ParquetWriter(
        folder / f"{table.name}.parquet", empty.schema, compression="zstd", write_page_checksum=True
    ) as writer:
        for spool in spools:
            for records in iterate_records(spool, table.struct):
                writer.write_batch(_batch(table, records))
                rows += len(records)
    return rows
