"""The numbers of one run that everybody asks for first."""

import os

import msgspec

from zcprobe.recorder.totals import EventTotals
from zcprobe.sender import SenderReport

__all__ = ["Summary", "summarize"]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """docs/run-format.md describes each member. What only the probes know is None when there were none."""

    outcome: str
    error: str | None
    duration_ns: int
    writes: int
    sends: int
    copied_on_purpose: int
    completions: int
    in_flight_at_end: int
    notifications: int
    copied_completions: int
    true_copied_completions: int | None
    missed_zero_copy_count: int
    enobufs_count: int
    enobufs_causes: dict[str, int] | None
    enobufs_in_flight_bytes: int | None
    enobufs_unread_bytes: int | None
    enobufs_unread_share: float | None
    errqueue_depth_max: int | None
    merged_notifications: int | None
    optmem_max_bytes: int
    optmem_baseline_bytes: int
    optmem_peak_bytes: int
    charge_bytes: int
    stall_count: int
    stall_ns_total: int
    bytes_sent: int
    goodput_bps: float
    cpu_user_ns: int
    cpu_system_ns: int
    sink_bytes: int | None
    sink_intact: bool | None
    lost_events: int
    lost_records: int


_CHECKS = {
    1: "reading the error queue failed",
    2: "a control message on the error queue was no IP_RECVERR",
    3: "the error queue held a socket error",
    4: "the error queue held an entry that is no zerocopy notification",
    5: "a notification had its bounds the wrong way round",
}


def _error_text(result: dict[str, int]) -> str | None:
    if not result["error"]:
        return None
    text = os.strerror(result["error"])
    check = _CHECKS.get(result["error_check"])
    return f"{check}: {text}" if check else text


def _from_probes(totals: EventTotals | None) -> dict[str, object]:
    if totals is None:
        return dict.fromkeys(
            (
                "true_copied_completions",
                "enobufs_causes",
                "enobufs_in_flight_bytes",
                "enobufs_unread_bytes",
                "enobufs_unread_share",
                "errqueue_depth_max",
                "merged_notifications",
            )
        )
    return {
        "true_copied_completions": totals.true_copied_completions,
        "enobufs_causes": totals.enobufs_causes,
        "enobufs_in_flight_bytes": totals.enobufs_in_flight_bytes,
        "enobufs_unread_bytes": totals.enobufs_unread_bytes,
        "enobufs_unread_share": totals.enobufs_unread_share,
        "errqueue_depth_max": totals.errqueue_depth_max,
        "merged_notifications": totals.merged_notifications,
    }


def summarize(
    report: SenderReport, totals: EventTotals | None, *, optmem_max_bytes: int, charge_bytes: int, lost_events: int
) -> Summary:
    """`totals` is None without probes; then optmem's peak is the highest SO_MEMINFO sample."""
    result, sink = report.result, report.sink
    duration_ns = result["end_ns"] - result["start_ns"]
    sink_intact = None
    if sink is not None:
        sink_intact = sink.first_mismatch is None and sink.bytes == result["bytes_sent"]
    return msgspec.convert(
        {
            "outcome": report.outcome,
            "error": _error_text(result),
            "duration_ns": duration_ns,
            "writes": result["write_count"],
            "sends": result["send_count"],
            "copied_on_purpose": result["copied_on_purpose_count"],
            "completions": result["completion_count"],
            "in_flight_at_end": result["send_count"] - result["completion_count"],
            "notifications": result["notification_count"],
            "copied_completions": result["copied_completion_count"],
            "missed_zero_copy_count": result["missed_zero_copy_count"],
            "enobufs_count": result["enobufs_count"],
            "optmem_max_bytes": optmem_max_bytes,
            "optmem_baseline_bytes": result["optmem_baseline_bytes"],
            "optmem_peak_bytes": max(result["optmem_peak_bytes"], totals.optmem_peak_bytes if totals else 0),
            "charge_bytes": charge_bytes,
            "stall_count": result["stall_count"],
            "stall_ns_total": result["stall_ns"],
            "bytes_sent": result["bytes_sent"],
            "goodput_bps": result["bytes_sent"] * 8e9 / duration_ns if duration_ns else 0.0,
            "cpu_user_ns": result["cpu_user_ns"],
            "cpu_system_ns": result["cpu_system_ns"],
            "sink_bytes": None if sink is None else sink.bytes,
            "sink_intact": sink_intact,
            "lost_events": lost_events,
            "lost_records": sum(report.lost_record_counts),
            **_from_probes(totals),
        },
        Summary,
    )
