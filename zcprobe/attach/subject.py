# SPDX-License-Identifier: GPL-2.0-only
"""An attachment whose samples and summary are kept in a run folder."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from zcprobe.attach.attachment import Attachment, Diagnose
from zcprobe.attach.event_file import EventFile
from zcprobe.attach.sampler import Sample
from zcprobe.attach.selection import Selection
from zcprobe.attach.spool import SampleSpool
from zcprobe.attach.watched import WatchedProcess
from zcprobe.config import DEFAULT_RECORD_LIMIT_BYTES
from zcprobe.format.attachment import AttachmentKernel, AttachmentSummary, ProcessFacts, SocketSummary
from zcprobe.format.findings import Finding
from zcprobe.format.metadata import AttachmentMetadata, Kind
from zcprobe.format.tables import EVENT_TABLE, SAMPLE_TABLE
from zcprobe.interrupt import Interruption
from zcprobe.journal import journal, new_run_id
from zcprobe.probes.measurement import Target
from zcprobe.recorder.metadata import now_utc
from zcprobe.recorder.pipeline import Measured, WatchedSocket, record
from zcprobe.recorder.reconcile import none_lost
from zcprobe.recorder.record_limit import RecordLimit, limit_warnings
from zcprobe.recorder.run_directory import folder_name, open_run_directory
from zcprobe.recorder.spools import spool_path
from zcprobe.recorder.tables import starting
from zcprobe.recorder.totals import EventTotals
from zcprobe.signals import deferred_signals

__all__ = ["Seen", "record_attachment", "save_attachment", "seen_until_now"]

Watch = Callable[[Callable[[list[Sample]], None]], None]
"""Watches until the end, and calls its argument with the samples of each interval."""

_HIGHEST = ("optmem_max_bytes", "optmem_baseline_bytes", "optmem_peak_bytes", "charge_bytes", "errqueue_depth_max")


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What an attachment has seen until a moment. `kept` and `beyond`: samples in its spool, and those that found no
    room there. `events_beyond`, `lost_events`: events of the probes that found no room in their file, and lost ones.
    `recorded`: members of run.json on the probes, empty without them."""

    summary: AttachmentSummary
    kept: int
    beyond: int
    events_beyond: int = 0
    lost_events: int = 0
    recorded: dict[str, Any] = {}


def seen_until_now(attachment: Attachment, spool: SampleSpool, diagnose: Diagnose) -> Seen:
    """The samples are those in `spool`."""
    summary, causes = attachment.summary(diagnose), attachment.causes
    return Seen(
        summary=summary,
        kept=spool.kept,
        beyond=spool.beyond,
        events_beyond=causes.events_beyond if causes else 0,
        lost_events=causes.lost_events if causes else 0,
        recorded=causes.recorded if causes else {},
    )


class _Subject:
    """The subject of `zcprobe.recorder.pipeline.record`. `see` leaves the samples in the spool file of the run's
    folder."""

    kind: Kind = "attachment"

    def __init__(self, see: Callable[[], Seen], selection: Selection, interval_s: float) -> None:
        self._see = see
        self._selection = selection
        self._interval_s = interval_s
        self.seen: Seen | None = None

    def target(self) -> Target:
        return Target(0, level="off")

    def run(self, interruption: Interruption) -> None:
        self.seen = self._see()

    def look_back(self) -> None:
        pass

    def sockets(self) -> list[WatchedSocket]:
        """None that the probes count."""
        return []

    def findings(self, totals: list[EventTotals]) -> list[Finding]:
        assert self.seen is not None  # run() comes before
        if not self.seen.recorded:
            return []
        unseen = sum(self.seen.recorded["missed_runs"].values())
        return [none_lost("lost events", self.seen.lost_events), none_lost("events that no probe saw", unseen)]

    def counts(self) -> None:
        return None

    def describe(self, measured: Measured) -> AttachmentMetadata:
        assert self.seen is not None  # run() comes before
        recording = measured.recording
        counts = {SAMPLE_TABLE.name: self.seen.beyond, EVENT_TABLE.name: self.seen.events_beyond}
        beyond = {name: count for name, count in counts.items() if count}
        members = msgspec.structs.asdict(recording) | self.seen.recorded
        members |= {
            "kernel": _kernel(self.seen.summary, self.seen.lost_events),
            "rows_beyond_limit": beyond,
            "warnings": limit_warnings(DEFAULT_RECORD_LIMIT_BYTES, recording.rows, beyond),
        }
        return AttachmentMetadata(
            **members,
            selection=self._selection.text,
            interval_ns=int(self._interval_s * 1e9),
        )


def _kernel(summary: AttachmentSummary, lost_events: int) -> AttachmentKernel:
    """Limit, levels and charge are the highest of any socket with zerocopy. Causes need the probes."""
    using = [socket for socket in summary.sockets if socket.uses_zerocopy]
    levels: dict[str, Any] = {name: max((getattr(one, name) or 0 for one in using), default=0) for name in _HIGHEST}
    counted = _counted(using)
    if summary.detail == "sample":
        counted = dict.fromkeys(counted)
    members = levels | counted | {name: getattr(summary, name) for name in _OF_SUMMARY}
    return AttachmentKernel(**members, lost_events=lost_events)


def _counted(sockets: list[SocketSummary]) -> dict[str, Any]:
    """What the probes counted, summed over the sockets. Merged notifications are not told for each."""
    causes: Counter[str] = Counter()
    for socket in sockets:
        causes.update(socket.enobufs_causes or {})
    in_flight_bytes = sum(socket.enobufs_in_flight_bytes or 0 for socket in sockets)
    unread_bytes = sum(socket.enobufs_unread_bytes or 0 for socket in sockets)
    held_bytes = in_flight_bytes + unread_bytes
    return {
        "merged_notifications": None,
        "true_copied_completions": sum(socket.copied_true or 0 for socket in sockets),
        "enobufs_causes": dict(causes),
        "enobufs_in_flight_bytes": in_flight_bytes,
        "enobufs_unread_bytes": unread_bytes,
        "enobufs_unread_share": unread_bytes / held_bytes if held_bytes else None,
    }


_OF_SUMMARY = ("detail", "duration_ns", "sockets", "threads", "processes", "uring", "findings")


def _name(process: WatchedProcess | ProcessFacts | None) -> tuple[str, str]:
    """The process and its id, for the folder's name; any character that is not a plain one becomes `_`."""
    if process is None:
        return "attachment", "0"
    return re.sub(r"[^A-Za-z0-9_.+]", "_", process.comm) or "_", str(process.pid)


def record_attachment(
    attachment: Attachment,
    watch: Watch,
    parent: Path,
    interruption: Interruption,
    *,
    interval_s: float,
    diagnose: Diagnose,
) -> AttachmentSummary:
    """Watches, and keeps what was seen as a run folder below `parent`. The summary names the folder. OutputError if it
    cannot be made; after an error nothing stays behind."""

    def see(folder: Path) -> Seen:
        if attachment.causes:
            events = spool_path(folder, EVENT_TABLE.name)
            attachment.causes.keep_events(EventFile(events, DEFAULT_RECORD_LIMIT_BYTES))
        with SampleSpool(_sample_file(folder), DEFAULT_RECORD_LIMIT_BYTES) as spool:
            watch(spool.add)
        return seen_until_now(attachment, spool, diagnose)

    name = _name(next(iter(attachment.sampler.processes), None))
    return _record(see, name, attachment.selection, parent, interruption, interval_s)


def save_attachment(
    seen: Seen, spool: SampleSpool, selection: Selection, parent: Path, *, interval_s: float
) -> AttachmentSummary:
    """Keeps what was seen until a moment, as `record_attachment` does at the end. The attachment and its spool, an
    unbuffered file, may go on meanwhile in another thread."""

    def see(folder: Path) -> Seen:
        with _sample_file(folder) as file:
            spool.copy_to(file, seen.kept)
        return seen

    name = _name(next(iter(seen.summary.processes), None))
    return _record(see, name, selection, parent, Interruption(), interval_s)


def _sample_file(folder: Path) -> BinaryIO:
    return spool_path(folder, SAMPLE_TABLE.name).open("wb")


def _record(
    see: Callable[[Path], Seen],
    name: tuple[str, str],
    selection: Selection,
    parent: Path,
    interruption: Interruption,
    interval_s: float,
) -> AttachmentSummary:
    """`see` leaves its spool files in the folder that it gets."""
    run_id, started_utc = new_run_id(), now_utc()
    limit = RecordLimit(DEFAULT_RECORD_LIMIT_BYTES, DEFAULT_RECORD_LIMIT_BYTES)
    with (
        journal(run_id, interruption.raised()) as entry,
        open_run_directory(parent, folder_name(*name, run_id), entry) as directory,
        starting(None) as finish,
    ):
        subject = _Subject(lambda: see(directory.path), selection, interval_s)
        record(subject, None, directory.path, interruption, run_id=run_id, started_utc=started_utc, limit=limit)
        finish()
        with deferred_signals():
            directory.keep()
    assert subject.seen is not None
    return msgspec.structs.replace(subject.seen.summary, folder=str(directory.place))
