"""What tables a run has, and the C core's raw records that they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from zcprobe.native.structs import dtype_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EVENT_TABLE", "SENDER_TABLES", "TABLES", "Table", "iterate_records"]

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
    import numpy as np  # whoever only asks which tables there are does without

    dtype = dtype_of(struct)
    with spool.open("rb") as file:
        while len(records := np.fromfile(file, dtype, _CHUNK_RECORDS)):
            yield records
