# SPDX-License-Identifier: GPL-2.0-only
"""Compares what our sender and sink counted with each other and with what the probes saw."""

from pathlib import Path

import msgspec

from zcprobe.format.findings import Finding
from zcprobe.format.tables import SENDER_TABLES, TABLES
from zcprobe.recorder.reconcile import equal, none_lost
from zcprobe.recorder.spools import iterate_records
from zcprobe.recorder.totals import EventTotals
from zcprobe.wire import ChannelReport

__all__ = ["reconcile_probes", "reconcile_sender", "reconcile_sink", "sends_in_flight"]


class _Cover(msgspec.Struct, frozen=True):
    """What the notification records cover: number of sends in ranges, of ranges after a gap, and of ranges that
    overlap."""

    completions: int
    holes: int
    overlaps: int


def _cover(spool: Path) -> _Cover:
    chunks = [(part["lo"].copy(), part["hi"].copy()) for part in iterate_records(spool, TABLES["notifications"])]
    if not chunks:
        return _Cover(0, 0, 0)
    import numpy as np  # numpy is imported only if there are records

    lo, hi = (np.sort(np.concatenate(parts)) for parts in zip(*chunks, strict=True))
    holes = int((lo[1:] > hi[:-1] + 1).sum()) + int(lo[0] != 0)
    return _Cover(int((hi - lo + 1).sum()), holes, int((lo[1:] <= hi[:-1]).sum()))


def sends_in_flight(report: ChannelReport) -> int:
    """Sends in flight when the sender ended, including completed ones whose notification it did not read."""
    return int(report.result["send_count"] - report.result["completion_count"])


def reconcile_sender(report: ChannelReport, notification_spool: Path | None, send_spool: Path | None) -> list[Finding]:
    """Compares the sender's counters with its own records (None if recording is off)."""
    result = report.result
    in_flight = sends_in_flight(report)
    findings = [
        none_lost("lost records", report.lost_records),
        Finding("no more completions than sends", result["send_count"], result["completion_count"], in_flight >= 0),
    ]
    if report.outcome == "completed":
        findings.append(equal("sends in flight after a completed run", 0, in_flight))
    if send_spool is None or notification_spool is None:
        return findings
    if report.kept != report.records:
        return [*findings, *_reconcile_limited(report)]
    recorded = sum(int((part["send_id"] != 2**64 - 1).sum()) for part in iterate_records(send_spool, TABLES["sends"]))
    cover = _cover(notification_spool)
    findings += [
        equal("sends = zerocopy sends recorded", result["send_count"], recorded),
        equal("completions = sends in notification ranges", result["completion_count"], cover.completions),
        equal("overlaps between notification ranges", 0, cover.overlaps),
    ]
    if in_flight == 0:
        findings.append(equal("holes between notification ranges", 0, cover.holes))
    return findings


def _reconcile_limited(report: ChannelReport) -> list[Finding]:
    """If not all records were kept, counts all that were made."""
    made = dict(zip((table.name for table in SENDER_TABLES), report.records, strict=True))
    return [
        equal("writes = writes recorded, kept or not", report.result["write_count"], made["sends"]),
        equal(
            "notifications = notifications recorded, kept or not",
            report.result["notification_count"],
            made["notifications"],
        ),
    ]


def reconcile_sink(report: ChannelReport, *, is_datagram: bool, overwrites: bool) -> list[Finding]:
    """Compares bytes and content at the sink with what the sender's socket accepted.

    A silent sink gives no second count; the run itself says that it is unknown what arrived. Datagrams may be lost, but
    never grow or change. A sender that `overwrites` its buffers at once wants the sink to detect it, so its content is
    a result and not a finding.
    """
    if report.sink is None:
        return []
    sent, received = report.result["bytes_sent"], report.sink.bytes
    if is_datagram:
        findings = [Finding("no more bytes at the sink than sent", sent, received, received <= sent)]
    else:
        findings = [equal("bytes sent = bytes at the sink", sent, received)]
    if not overwrites:
        findings.append(
            equal("streams with a byte that was not as sent", 0, int(report.sink.first_mismatch is not None))
        )
    return findings


def reconcile_probes(report: ChannelReport, totals: EventTotals, charge_bytes: int, *, is_tcp: bool) -> list[Finding]:
    """Compares user space with BPF. After a broken connection the kernel may destroy the socket after we look; closing
    is seen only for TCP sockets."""
    result = report.result
    findings = [
        equal("notifications read = READ events", result["notification_count"], totals.read_notifications),
        equal("completions = sends in READ events", result["completion_count"], totals.read_completions),
        equal("ENOBUFS returned = ENOBUFS events", result["enobufs_count"], totals.enobufs),
    ]
    if totals.sends is not None:
        findings.append(equal("sends = the kernel's count", result["send_count"], totals.sends))
    elif report.sink is not None and is_tcp:
        findings.append(equal("sockets seen closed", 1, 0))
    if totals.charge_bytes:
        findings.append(equal("charge measured on loopback = charge seen by probes", charge_bytes, totals.charge_bytes))
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
