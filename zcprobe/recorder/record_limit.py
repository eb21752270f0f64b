"""Records beyond a run's limit are counted and reported, but not kept."""

import msgspec

from zcprobe.format.findings import RunWarning
from zcprobe.format.tables import EVENT_TABLE, SENDER_TABLES
from zcprobe.probes.measurement import MeasurementCounts
from zcprobe.units import format_bytes
from zcprobe.wire import SenderReport

__all__ = ["RecordLimit", "limit_warnings", "rows_beyond_limit"]


class RecordLimit(msgspec.Struct, frozen=True):
    """How many bytes the records of a run may take before they become tables: in all, and the probes' events alone."""

    whole_bytes: int
    events_bytes: int


def rows_beyond_limit(report: SenderReport | None, counts: MeasurementCounts) -> dict[str, int]:
    """Table -> rows that the limit left out, for the tables that lack any. `report` is None when no sender of ours made
    records."""
    beyond = dict.fromkeys((table.name for table in SENDER_TABLES), 0)
    for channel in report.channels if report is not None else ():
        for table, made, kept in zip(SENDER_TABLES, channel.records, channel.kept, strict=False):
            beyond[table.name] += made - kept
    beyond[EVENT_TABLE.name] = counts.events - counts.kept_events
    return {name: count for name, count in beyond.items() if count}


def limit_warnings(limit_bytes: int, rows: dict[str, int], beyond: dict[str, int]) -> list[RunWarning]:
    """A warning when tables end early. `rows`: table -> rows that it has; `beyond`: table -> rows that it lacks."""
    if not beyond:
        return []
    parts = [f"{name} {rows.get(name, 0)} of {rows.get(name, 0) + count}" for name, count in beyond.items()]
    text = (
        f"tables end early, and figures drawn from them do as well, because records had filled"
        f" {format_bytes(limit_bytes)} by then; the summary is of the whole run. Rows: {', '.join(parts)}"
    )
    return [RunWarning("records-limited", text)]
