"""What a run recorded beyond its limit: counted, told, and not kept."""

from zcprobe.config import RunConfig
from zcprobe.format.findings import RunWarning
from zcprobe.format.tables import EVENT_TABLE, SENDER_TABLES
from zcprobe.probes.measurement import MeasurementCounts
from zcprobe.units import format_bytes
from zcprobe.wire import SenderReport

__all__ = ["limit_warnings", "rows_beyond_limit"]


def rows_beyond_limit(report: SenderReport, counts: MeasurementCounts) -> dict[str, int]:
    """Table -> rows that it would have besides those that it has; only tables that end early."""
    beyond = dict.fromkeys((table.name for table in SENDER_TABLES), 0)
    for channel in report.channels:
        for table, made, kept in zip(SENDER_TABLES, channel.records, channel.kept, strict=False):
            beyond[table.name] += made - kept
    beyond[EVENT_TABLE.name] = counts.events - counts.kept_events
    return {name: count for name, count in beyond.items() if count}


def limit_warnings(config: RunConfig, rows: dict[str, int], beyond: dict[str, int]) -> list[RunWarning]:
    """`rows`: table -> rows that it has."""
    if not beyond:
        return []
    parts = [f"{name} {rows.get(name, 0)} of {rows.get(name, 0) + count}" for name, count in beyond.items()]
    text = (
        f"tables end early, and figures drawn from them do as well, because records had filled"
        f" {format_bytes(config.record_limit_bytes)} by then; the summary is of the whole run. Rows: {', '.join(parts)}"
    )
    return [RunWarning("records-limited", text)]
