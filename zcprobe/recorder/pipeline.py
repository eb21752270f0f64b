# SPDX-License-Identifier: GPL-2.0-only
"""From a subject to its run folder, whether the subject sends or is only watched.

`record()` watches the subject while it runs, then makes totals, findings, tables and run.json from its spools.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from zcprobe.format.findings import Finding
from zcprobe.format.metadata import Kind, Recording
from zcprobe.format.summary import KernelSummary
from zcprobe.format.tables import EVENT_TABLE
from zcprobe.host.cpu import host_metadata
from zcprobe.interrupt import Interruption
from zcprobe.probes.measurement import MeasurementCounts, Target
from zcprobe.recorder.kernel_summary import summarize_kernel
from zcprobe.recorder.metadata import digests_of, write_json, write_sealed
from zcprobe.recorder.reconcile import labelled, none_lost, reconcile_counts
from zcprobe.recorder.record_limit import RecordLimit, limit_warnings, rows_beyond_limit
from zcprobe.recorder.spools import spool_path
from zcprobe.recorder.tables import write_tables
from zcprobe.recorder.totals import EventTotals, add_up_events, combine, totals_of_counts
from zcprobe.wire import SenderReport

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["Measured", "Subject", "WatchedSocket", "record"]


class WatchedSocket(msgspec.Struct, frozen=True, kw_only=True):
    """One socket of a subject, once the subject has run.

    `label`: prefix of findings about it, empty if it is the only one. `optmem_max_bytes`: limit in force.
    `optmem_baseline_bytes`: level before the first send. `optmem_peak_bytes`: highest level that the subject has read
    itself, 0 if it has read none. `charge_bytes`: truesize of one of its notifications. `sends_in_flight`: sends whose
    completion nobody had read by the end.
    """

    cookie: int
    label: str = ""
    optmem_max_bytes: int
    optmem_baseline_bytes: int
    optmem_peak_bytes: int = 0
    charge_bytes: int
    sends_in_flight: int


class Measured(msgspec.Struct, frozen=True):
    """What was measured: the counts of the probes, the totals of each socket's events (empty without probes), and the
    members of run.json about them."""

    counts: MeasurementCounts
    totals: list[EventTotals]
    recording: Recording


Metadata = TypeVar("Metadata", bound=Recording, covariant=True)


class Subject(Protocol[Metadata]):
    """The thing whose sockets are recorded, ready to run. `record()` calls the methods in this order."""

    kind: Kind

    def target(self) -> Target:
        """What the probes watch, and in which detail. Called once, before `run`."""

    def run(self, interruption: Interruption) -> None:
        """Runs until there is nothing more to watch. A sender of ours leaves its records in spool files
        (`zcprobe.recorder.spools.spool_path`) of the folder."""

    def look_back(self) -> None:
        """Called once, directly after the probes have stopped. Here a subject reads what changes on and what the probes
        must not see being read."""

    def sockets(self) -> list[WatchedSocket]:
        """The sockets to total, in the order of the findings."""

    def findings(self, totals: list[EventTotals]) -> list[Finding]:
        """Findings from comparing the subject's own counts with each other and with `totals`, one for each of its
        sockets."""

    def counts(self) -> SenderReport | None:
        """What our own sender counted; None when only the kernel counts."""

    def describe(self, measured: Measured) -> Metadata:
        """The content of run.json: what was measured, with what only this kind of subject knows."""


def record(
    subject: Subject[Metadata],
    probes: "ProbeSession | None",
    folder: Path,
    interruption: Interruption,
    *,
    run_id: str,
    started_utc: str,
    limit: RecordLimit,
) -> Metadata:
    """Runs the subject and writes everything that a run folder holds to `folder`. Returns the content of run.json.

    It does not check whether all counts agree: the caller calls `zcprobe.recorder.reconcile.check_complete` after it
    has kept and reported the run.
    """
    target = subject.target()
    counts = _watch(subject, target, probes, folder, interruption, limit)
    subject.look_back()
    sockets = subject.sockets()
    totals = []
    if probes is not None:
        totals = _totals(sockets, counts, folder, target.level)
        stack_ids = {*combine(totals).stack_ids, *counts.copy_paths}
        write_json(folder / "stacks.json", probes.resolve_stacks(sorted(stack_ids)))
    findings = subject.findings(totals)
    if probes is not None:
        findings = [none_lost("lost events", counts.lost_events), *findings, *_of_kernel(sockets, counts, totals)]
    rows = write_tables(folder)
    beyond = rows_beyond_limit(subject.counts(), counts)
    recording = Recording(
        kind=subject.kind,
        run_id=run_id,
        started_utc=started_utc,
        complete=all(finding.holds for finding in findings),
        warnings=limit_warnings(limit.whole_bytes, rows, beyond),
        host=host_metadata(),
        rows=rows,
        rows_beyond_limit=beyond,
        reconciliation=findings,
        kernel=_summary(sockets, combine(totals) if probes else None, counts),
        files=digests_of(*(folder / f"{table}.parquet" for table in rows), folder / "stacks.json"),
        **_seen(probes, sockets, counts),
    )
    metadata = subject.describe(Measured(counts, totals, recording))
    write_sealed(folder / "run.json", metadata)
    return metadata


def _watch(
    subject: Subject[Recording],
    target: Target,
    probes: "ProbeSession | None",
    folder: Path,
    interruption: Interruption,
    limit: RecordLimit,
) -> MeasurementCounts:
    if probes is None:
        subject.run(interruption)
        return MeasurementCounts()
    with probes.measure(target, spool_path(folder, EVENT_TABLE.name), limit.events_bytes) as counts:
        subject.run(interruption)
    return counts


def _totals(sockets: list[WatchedSocket], counts: MeasurementCounts, folder: Path, level: str) -> list[EventTotals]:
    """Totals of each socket from its events, or from the kernel's counts if some events are missing."""
    if level == "summary" or counts.kept_events < counts.events:
        return [_totals_of_counts(socket, counts) for socket in sockets]
    events = spool_path(folder, EVENT_TABLE.name)
    return [
        add_up_events(events, socket.cookie, socket.optmem_baseline_bytes, socket.charge_bytes) for socket in sockets
    ]


def _totals_of_counts(socket: WatchedSocket, counts: MeasurementCounts) -> EventTotals:
    counted = counts.sockets.get(socket.cookie)
    return EventTotals() if counted is None else totals_of_counts(counted, socket.optmem_baseline_bytes)


def _summary(sockets: list[WatchedSocket], totals: EventTotals | None, counts: MeasurementCounts) -> KernelSummary:
    """Over all sockets: limit, levels and charge are the highest of any."""

    def highest(name: str) -> int:
        return max((getattr(socket, name) for socket in sockets), default=0)

    names = ("optmem_max_bytes", "optmem_baseline_bytes", "optmem_peak_bytes", "charge_bytes")
    levels = {name: highest(name) for name in names}
    return summarize_kernel(totals, lost_events=counts.lost_events, **levels)


def _of_kernel(sockets: list[WatchedSocket], counts: MeasurementCounts, totals: list[EventTotals]) -> list[Finding]:
    """Findings for each socket that the kernel has counted: the totals of its events against these counts."""
    findings = []
    for socket, added_up in zip(sockets, totals, strict=True):
        counted = counts.sockets.get(socket.cookie)
        if counted is not None:
            found = reconcile_counts(added_up, counted, sends_in_flight=socket.sends_in_flight)
            findings += labelled(socket.label, found)
    return findings


def _seen(probes: "ProbeSession | None", sockets: list[WatchedSocket], counts: MeasurementCounts) -> dict[str, Any]:
    """The members of run.json on how the sockets were watched and what the probes counted."""
    return {
        "probes": probes.mechanisms if probes else {},
        "attached": probes.attached if probes else [],
        "typed_tracepoints": probes.typed if probes else False,
        "lost_by_kind": counts.lost_by_kind,
        "missed_runs": counts.missed_runs,
        "cookies": [socket.cookie for socket in sockets],
        "sockets": [counts.sockets[socket.cookie] for socket in sockets if socket.cookie in counts.sockets],
        "copy_paths": {str(stack): count for stack, count in counts.copy_paths.items()},
        "send_results": {str(number): count for number, count in counts.send_results.items()},
    }
