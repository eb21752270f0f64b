# SPDX-License-Identifier: GPL-2.0-only
"""Records beyond a run's limit are counted and reported, but not kept."""

import msgspec

from zcprobe.format.findings import RunWarning
from zcprobe.format.tables import EVENT_TABLE, SENDER_TABLES
from zcprobe.probes.measurement import MeasurementCounts
from zcprobe.units import format_bytes
from zcprobe.wire import SenderReport

__all__ = ["RecordLimit", "limit_warnings", "rows_beyond_limit"]


class RecordLimit(msgspec.Struct, frozen=True):
    """How many bytes the records of a run may take before they become tables: all records, and only the probes'
    events."""

    whole_bytes: int
    events_bytes: int


def rows_beyond_limit(report: SenderReport | None, counts: MeasurementCounts) -> dict[str, int]:
    """Table -> number of rows that were not kept, for tables that end early. `report` is None if no sender of ours made
    records."""
    beyond = dict.fromkeys((table.name for table in SENDER_TABLES), 0)
    for channel in report.channels if report is not None else ():
        for table, made, kept in zip(SENDER_TABLES, channel.records, channel.kept, strict=False):
            beyond[table.name] += made - kept
    beyond[EVENT_TABLE.name] = counts.events - counts.kept_events
    return {name: count for name, count in beyond.items() if count}


def limit_warnings(limit_bytes: int, rows: dict[str, int], beyond: dict[str, int]) -> list[RunWarning]:
    """`rows`: table -> rows that it has. The warning about tables that end early."""
    if not beyond:
        return []
    parts = [f"{name} {rows.get(name, 0)} of {rows.get(name, 0) + count}" for name, count in beyond.items()]
    text = (
        f"tables end early, and figures drawn from them do as well, because records had filled"
        f" {format_bytes(limit_bytes)} by then; the summary is of the whole run. Rows: {', '.join(parts)}"
    )
    return [RunWarning("records-limited", text)]
