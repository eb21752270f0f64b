# SPDX-License-Identifier: GPL-2.0-only
"""Whether runs can be relied on: VALID, or INVALID with the reasons."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from zcprobe.dataset.results import lost_count
from zcprobe.format.claims import Stamp
from zcprobe.format.metadata import Recording, RunMetadata

if TYPE_CHECKING:
    from zcprobe.dataset.run import Run

__all__ = ["LEAST_SECONDS", "MOST_LOAD_PER_CPU", "Reason", "reasons_of", "stamp_of"]

LEAST_SECONDS = 0.05
"""The shortest time of a completed run. A tick of the scheduler, at most 10 ms, is a fifth of it."""

MOST_LOAD_PER_CPU = 1.5
"""The load average at the start of a run, for each CPU. Successive runs of ours keep it below 1 on two CPUs."""

_DISTURBED = {
    "sender-stopped": "the sender was stopped",
    "sink-stopped": "the sink was stopped",
    "not-pinned": "threads did not stay on their CPUs",
    "lab-gone": "somebody removed a namespace",
    "sink-silent": "the sink did not report",
    "damaged": "files are not as recorded",
}
"""Warning of run.json -> what it means. Other warnings say what a scenario is about, not whether counts are right."""


class Reason(msgspec.Struct, frozen=True):
    """Why a run cannot be relied on. `id` is for programs and never changes; `text` is a phrase; `detail` has its
    numbers."""

    id: str
    text: str
    detail: str


def reasons_of(meta: Recording) -> list[Reason]:
    """What makes a run INVALID; empty for a run that is VALID."""
    return [*_incomplete(meta), *_too_short(meta), *_loaded(meta), *_disturbed(meta)]


def _incomplete(meta: Recording) -> Iterator[Reason]:
    lost, missed = lost_count(meta), sum((meta.missed_runs or {}).values())
    if lost:
        yield Reason("lost-events", "lost events", f"{lost:,} events or records were lost")
    if missed:
        yield Reason("missed-runs", "skipped probes", f"the kernel skipped {missed:,} runs of probes")
    differing = [finding.what for finding in meta.reconciliation if not finding.holds and finding.kind == "mismatch"]
    if differing or not (meta.complete or lost or missed):
        yield Reason("counts-differ", "counts differ", "; ".join(differing) or "run.json says so itself")


def _too_short(meta: Recording) -> Iterator[Reason]:
    if meta.sender is None:
        return
    if meta.sender.outcome == "interrupted":
        yield Reason("interrupted", "interrupted", "somebody ended the run early")
    seconds = meta.sender.duration_ns / 1e9
    if meta.sender.outcome == "completed" and seconds < LEAST_SECONDS:
        yield Reason("too-short", "too short", f"{seconds:.3g} s are less than {LEAST_SECONDS:g} s")


def _loaded(meta: Recording) -> Iterator[Reason]:
    """Load that is not our own: each channel beyond the first adds a thread of the sender and one of the sink."""
    load, cpus = meta.host.load_1min, meta.host.cpu_count
    channels = meta.config.channels if isinstance(meta, RunMetadata) else 1
    if load is not None and load > MOST_LOAD_PER_CPU * cpus + 2 * (channels - 1):
        yield Reason("load", "load", f"load average {load:.1f} on {cpus} CPUs when the run began")


def _disturbed(meta: Recording) -> Iterator[Reason]:
    for warning in meta.warnings:
        if warning.id in _DISTURBED:
            yield Reason(warning.id, _DISTURBED[warning.id], warning.text)


def stamp_of(runs: "Sequence[Run]") -> Stamp:
    """The stamp of what is made from these runs. Each reason is told once, with the number of runs that have it."""
    counts: dict[str, int] = {}
    for run in runs:
        for text in dict.fromkeys(reason.text for reason in reasons_of(run.meta)):
            counts[text] = counts.get(text, 0) + 1
    why = [f"{text} in {count} of {len(runs)} runs" if len(runs) > 1 else text for text, count in counts.items()]
    return Stamp(valid=not why, run_count=len(runs), why=why)
