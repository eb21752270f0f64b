# SPDX-License-Identifier: GPL-2.0-only
"""Q5: how often a write is retried until it succeeds."""

from zcprobe.analysis.questions.cells_of_many import held, in_flight
from zcprobe.analysis.questions.estimates import mean_of, share_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Question
from zcprobe.analysis.questions.words import of_runs, told
from zcprobe.analysis.retries import retries_of
from zcprobe.dataset.run import Run

__all__ = ["Q5"]

_WAITING = ("qemu-merged, held", "qemu-merged, in flight")
_HASTY = "qemu-v2, held"


def _once_was_enough(run: Run) -> bool:
    """Whether every write that met ENOBUFS met one only, and none failed."""
    return run.sender.outcome == "completed" and set(retries_of(run)) <= {1}


def _second_is_optmem(run: Run) -> bool:
    return set(run.kernel.enobufs_causes or {"unknown": 1}) <= {"optmem"}


def _mean_retries(run: Run) -> float | None:
    counts = retries_of(run)
    return sum(count * writes for count, writes in counts.items()) / sum(counts.values()) if counts else None


def _conclude(cells: Cells) -> Conclusion:
    enough = {label: share_of("one_flush_enough_share", cell, _once_was_enough) for label, cell in cells.items()}
    causes = share_of("all_causes_optmem_share", cells[_HASTY], _second_is_optmem)
    means = [mean_of("enobufs_per_write", "", cell, _mean_retries) for cell in cells.values()]
    writes = sum(sum(retries_of(run).values()) for label in _WAITING for run in cells[label].runs)
    is_shown = all((enough[label].low or 0) > 0.5 for label in _WAITING) and (enough[_HASTY].high or 1) < 0.5
    text = (
        f"True of a flush that waits: it was enough once for each of the writes that met ENOBUFS in"
        f" {of_runs(enough[_WAITING[0]])} with clones held back and in {of_runs(enough[_WAITING[1]])} with sends in"
        f" flight ({writes:,} writes). Not true of one that does not wait: for qemu-v2 it was enough in"
        f" {of_runs(enough[_HASTY])}, and the second ENOBUFS is not another error, for optmem was the only cause in"
        f" {of_runs(causes)}."
    )
    if not is_shown:
        text = (
            f"The runs do not decide it: one flush was enough in {of_runs(enough[_WAITING[0]])} of qemu-merged with"
            f" clones held back, and in {of_runs(enough[_HASTY])} of qemu-v2. A write met {told(means[0])} ENOBUFS."
        )
    return Conclusion(text=text, numbers=[*enough.values(), causes, *means], main=enough[_WAITING[0]], shown=is_shown)


Q5 = Question(
    id="Q5",
    question="Should one flush always work, and is a second ENOBUFS some other real error?",
    raised_by="stated in the review of the series as the reason to retry only once",
    experiment="ENOBUFS that each write met until it succeeded or failed, with a flush that waits for everything"
    " (qemu-merged), one that does not wait (qemu-v2), and one that waits for half of the room (wait-progress)",
    changes="A limit too small for a single notification, or another thread that sends on the same socket meanwhile.",
    needs="records",
    cells={
        "qemu-merged, held": held("qemu-merged"),
        "qemu-merged, in flight": in_flight("qemu-merged"),
        "wait-progress, held": held("wait-progress"),
        "qemu-v2, held": held("qemu-v2"),
    },
    conclude=_conclude,
)
