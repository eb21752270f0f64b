"""Independent counts of the same thing, held against each other after every run."""

from pathlib import Path

import msgspec

from zcprobe.format.findings import Finding
from zcprobe.format.sockets import SocketCounts
from zcprobe.format.tables import SENDER_TABLES, TABLES
from zcprobe.recorder.spools import iterate_records
from zcprobe.recorder.totals import EventTotals
from zcprobe.wire import ChannelReport

__all__ = [
    "lost_events_finding",
    "reconcile_counts",
    "reconcile_probes",
    "reconcile_sender",
    "reconcile_sink",
    "sends_in_flight",
]


def _equal(what: str, expected: int, found: int) -> Finding:
    return Finding(what, expected, found, expected == found)


def _none_lost(what: str, found: int) -> Finding:
    return Finding(what, 0, found, found == 0, "lost")


class _Cover(msgspec.Struct, frozen=True):
    """What the notification records cover: sends in ranges, ranges that leave a gap, ranges that overlap."""

    completions: int
    holes: int
    overlaps: int


def _cover(spool: Path) -> _Cover:
    chunks = [(part["lo"].copy(), part["hi"].copy()) for part in iterate_records(spool, TABLES["notifications"])]
    if not chunks:
        return _Cover(0, 0, 0)
    import numpy as np  # not before there are records

    lo, hi = (np.sort(np.concatenate(parts)) for parts in zip(*chunks, strict=True))
    holes = int((lo[1:] > hi[:-1] + 1).sum()) + int(lo[0] != 0)
    return _Cover(int((hi - lo + 1).sum()), holes, int((lo[1:] <= hi[:-1]).sum()))


def sends_in_flight(report: ChannelReport) -> int:
    """When its sender ended: completions that it read no notification of are among them."""
    return int(report.result["send_count"] - report.result["completion_count"])


def reconcile_sender(report: ChannelReport, notification_spool: Path | None, send_spool: Path | None) -> list[Finding]:
    """The sender's counters against its own records (None: recording off)."""
    result = report.result
    in_flight = sends_in_flight(report)
    findings = [
        _none_lost("lost records", report.lost_records),
        Finding("no more completions than sends", result["send_count"], result["completion_count"], in_flight >= 0),
    ]
    if report.outcome == "completed":
        findings.append(_equal("sends in flight after a completed run", 0, in_flight))
    if send_spool is None or notification_spool is None:
        return findings
    if report.kept != report.records:
        return [*findings, *_reconcile_limited(report)]
    recorded = sum(int((part["send_id"] != 2**64 - 1).sum()) for part in iterate_records(send_spool, TABLES["sends"]))
    cover = _cover(notification_spool)
    findings += [
        _equal("sends = zerocopy sends recorded", result["send_count"], recorded),
        _equal("completions = sends in notification ranges", result["completion_count"], cover.completions),
        _equal("overlaps between notification ranges", 0, cover.overlaps),
    ]
    if in_flight == 0:
        findings.append(_equal("holes between notification ranges", 0, cover.holes))
    return findings


def _reconcile_limited(report: ChannelReport) -> list[Finding]:
    """Where not all records were kept, those that were made, kept or not, are counted."""
    made = dict(zip((table.name for table in SENDER_TABLES), report.records, strict=True))
    return [
        _equal("writes = writes recorded, kept or not", report.result["write_count"], made["sends"]),
        _equal(
            "notifications = notifications recorded, kept or not",
            report.result["notification_count"],
            made["notifications"],
        ),
    ]


def reconcile_sink(report: ChannelReport, *, is_datagram: bool, overwrites: bool) -> list[Finding]:
    """Bytes and content at the sink against what the sender's socket took.

    A sink that says nothing gives no second count, and the run itself tells that it is not known what arrived.
    Datagrams may be lost, but neither grow nor change. A sender that `overwrites` its buffers at once means to be found
    out by the sink, so its content is a result and no finding.
    """
    if report.sink is None:
        return []
    sent, received = report.result["bytes_sent"], report.sink.bytes
    if is_datagram:
        findings = [Finding("no more bytes at the sink than sent", sent, received, received <= sent)]
    else:
        findings = [_equal("bytes sent = bytes at the sink", sent, received)]
    if not overwrites:
        findings.append(
            _equal("streams with a byte that was not as sent", 0, int(report.sink.first_mismatch is not None))
        )
    return findings


def reconcile_probes(report: ChannelReport, totals: EventTotals, charge_bytes: int, *, is_tcp: bool) -> list[Finding]:
    """User space against BPF. After a broken connection the kernel may destroy the socket later than we look; only TCP
    sockets are seen closed."""
    result = report.result
    findings = [
        _equal("notifications read = READ events", result["notification_count"], totals.read_notifications),
        _equal("completions = sends in READ events", result["completion_count"], totals.read_completions),
        _equal("ENOBUFS returned = ENOBUFS events", result["enobufs_count"], totals.enobufs),
    ]
    if totals.sends is not None:
        findings.append(_equal("sends = the kernel's count", result["send_count"], totals.sends))
    elif report.sink is not None and is_tcp:
        findings.append(_equal("sockets seen closed", 1, 0))
    if totals.charge_bytes:
        findings.append(
            _equal("charge measured on loopback = charge seen by probes", charge_bytes, totals.charge_bytes)
        )
    if totals.sends is not None:
        findings.append(
            Finding(
                "optmem peak of SO_MEMINFO is none the probes missed",
                result["optmem_peak_bytes"],
                totals.optmem_peak_bytes,
                result["optmem_peak_bytes"] <= totals.optmem_peak_bytes,
            )
        )
    return findings


def reconcile_counts(totals: EventTotals, counts: SocketCounts, *, sends_in_flight: int) -> list[Finding]:
    """The events of a socket against what the kernel counted beside them; at level summary both are the same.

    Where functions are probed, every charge is seen, too, and must have been given back once the socket is closed, but
    for those of sends that its sender saw no completion of: who still holds their data may outlive the socket.
    """
    findings = [
        _equal("READ events = reads counted in the kernel", counts.read, totals.read_notifications),
        _equal("MERGED events = merges counted in the kernel", counts.merged, totals.merged_notifications),
        _equal("PURGED events = purges counted in the kernel", counts.purged, totals.purged_notifications),
        _equal("ENOBUFS events = ENOBUFS counted in the kernel", sum(counts.enobufs.values()), totals.enobufs),
    ]
    if counts.uargs_charged and counts.closed:
        uncharged = counts.read + counts.merged + counts.purged + counts.discarded + counts.refused
        findings += [
            Finding(
                "charges = uncharges, but for sends in flight",
                counts.uargs_charged,
                uncharged,
                0 <= counts.uargs_charged - uncharged <= sends_in_flight,
            ),
            _equal("notifications appended = read + purged", counts.read + counts.purged, counts.appended),
        ]
    return findings


def lost_events_finding(lost_events: int) -> Finding:
    """The probes' own account, over all sockets."""
    return _none_lost("lost events", lost_events)
