"""What must hold for every subject: nothing was lost, and its events agree with the counts that the kernel kept."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from zcprobe.errors import DataLossError, ReconciliationError
from zcprobe.format.findings import Finding
from zcprobe.format.metadata import Recording
from zcprobe.format.sockets import SocketCounts
from zcprobe.recorder.totals import EventTotals

__all__ = ["check_complete", "equal", "labelled", "none_lost", "reconcile_counts"]


def equal(what: str, expected: int, found: int) -> Finding:
    """A finding that holds when two counts of the same thing are equal."""
    return Finding(what, expected, found, expected == found)


def none_lost(what: str, found: int) -> Finding:
    """A finding that holds when none of the records or events was lost."""
    return Finding(what, 0, found, found == 0, "lost")


def labelled(label: str, findings: list[Finding]) -> list[Finding]:
    """The findings, each with `label` in front of its text. An empty label changes nothing."""
    if not label:
        return findings
    return [msgspec.structs.replace(finding, what=f"{label}: {finding.what}") for finding in findings]


def reconcile_counts(totals: EventTotals, counts: SocketCounts, *, sends_in_flight: int) -> list[Finding]:
    """Compares a socket's events with the counts that the kernel kept. At detail summary both come from these counts.

    Where functions are probed, every charge is seen as well. Once the socket is closed, each charge must have been
    given back, except those of `sends_in_flight`: whoever still holds their data may outlive the socket.
    """
    findings = [
        equal("READ events = reads counted in the kernel", counts.read, totals.read_notifications),
        equal("MERGED events = merges counted in the kernel", counts.merged, totals.merged_notifications),
        equal("PURGED events = purges counted in the kernel", counts.purged, totals.purged_notifications),
        equal("ENOBUFS events = ENOBUFS counted in the kernel", sum(counts.enobufs.values()), totals.enobufs),
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
            equal("notifications appended = read + purged", counts.read + counts.purged, counts.appended),
        ]
    return findings


def check_complete(recording: Recording, folder: Path) -> None:
    """DataLossError for the first count that was lost, otherwise ReconciliationError for the first that differs.
    The message says that the run is kept in `folder`."""
    broken = [finding for finding in recording.reconciliation if not finding.holds]
    if not broken:
        return
    finding = _worst(broken)
    text = f"{finding.what}: expected {finding.expected}, found {finding.found} (kept in {folder})"
    if finding.kind == "lost":
        raise DataLossError(text, "run again with less load, or a smaller -n")
    if recording.missed_runs:
        skipped = ", ".join(f"{name}: {count}" for name, count in sorted(recording.missed_runs.items()))
        text += f"; the kernel skipped runs of probes ({skipped})"
        raise ReconciliationError(text, "run again; if it recurs, without other load on the machine")
    raise ReconciliationError(text, "the run cannot be trusted; please report it with its folder")


def _worst(broken: Sequence[Finding]) -> Finding:
    """A loss, if there is one: it makes other counts differ, too."""
    return next((finding for finding in broken if finding.kind == "lost"), broken[0])
