# SPDX-License-Identifier: GPL-2.0-only
"""What must hold for any subject: nothing was lost, and its events agree with the kernel's own counts."""

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
    """A finding that compares two counts of the same thing."""
    return Finding(what, expected, found, expected == found)


def none_lost(what: str, found: int) -> Finding:
    """A finding on records or events that were lost: the run is complete only if there are none."""
    return Finding(what, 0, found, found == 0, "lost")


def labelled(label: str, findings: list[Finding]) -> list[Finding]:
    """The findings with the label of their socket in front; unchanged if there is only one socket."""
    if not label:
        return findings
    return [msgspec.structs.replace(finding, what=f"{label}: {finding.what}") for finding in findings]


def reconcile_counts(totals: EventTotals, counts: SocketCounts, *, sends_in_flight: int) -> list[Finding]:
    """Compares the events of a socket with the kernel's own counts; at level summary both are the same.

    Where functions are probed, every charge is seen too, and must have been returned when the socket is closed, except
    for sends whose completion the sender did not see: whatever still holds their data may outlive the socket.
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
    """Raises DataLossError for the first loss, else ReconciliationError for the first counts that differ. The message
    says that the run is kept in `folder`."""
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
    """Losses make other counts differ, so they come first."""
    return next((finding for finding in broken if finding.kind == "lost"), broken[0])
