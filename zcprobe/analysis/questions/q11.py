# SPDX-License-Identifier: GPL-2.0-only
"""Q11: the poll event that tells of the error queue."""

from zcprobe.analysis.questions.cells_of_many import in_flight
from zcprobe.analysis.questions.estimates import mean_of, series_of, share_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Options, Question
from zcprobe.analysis.questions.words import of_runs, told
from zcprobe.dataset.run import Run

__all__ = ["Q11"]

_ERROR, _INPUT, _BOTH = "POLLERR", "POLLIN", "both"
_POLLIN: Options = {"wait-for": "input", "deadline": 1}
_COLUMNS = ["wait_count", "spurious_count", "trigger"]


def _waits(run: Run) -> tuple[int, int]:
    """Wake-ups of the flushes at ENOBUFS, and those of them after which there was nothing to read."""
    flushes = run.read("flushes", _COLUMNS)
    own = flushes[flushes["trigger"] == "enobufs"]
    return int(own["wait_count"].sum()), int(own["spurious_count"].sum())


def _wakeups(run: Run) -> float:
    return float(_waits(run)[0])


def _spurious(run: Run) -> float:
    return float(_waits(run)[1])


def _stall_ns(run: Run) -> float | None:
    return run.sender.stall_ns_total / run.sender.stall_count if run.sender.stall_count else None


def _conclude(cells: Cells) -> Conclusion:
    done = {
        label: share_of("completed_share", cell, lambda run: run.sender.outcome == "completed")
        for label, cell in cells.items()
    }
    hung = share_of("dead_timeout_share", cells[_INPUT], lambda run: run.sender.outcome == "dead_timeout")
    wakeups = [mean_of("wakeups", "", cell, _wakeups) for cell in cells.values()]
    spurious = {label: mean_of("spurious_wakeups", "", cell, _spurious) for label, cell in cells.items()}
    stalls = [mean_of("stall_mean_ns", "ns", cell, _stall_ns) for cell in cells.values()]
    is_shown = (done[_ERROR].low or 0) > 0.5 and (hung.low or 0) > 0.5
    text = (
        f"{'POLLERR' if is_shown else 'The runs do not decide it'}: a flush that waits for POLLERR alone completed"
        f" {of_runs(done[_ERROR])} with {told(spurious[_ERROR])} spurious wake-ups a run, and one that waits for both"
        f" {of_runs(done[_BOTH])} with {told(spurious[_BOTH])}. One that waits for POLLIN alone hung until its deadline"
        f" in {of_runs(hung)}: poll returns POLLERR all the time ({told(spurious[_INPUT])} times), and never POLLIN."
    )
    panels = [
        series_of("Spurious wake-ups of a run", "wake-ups", cells, _spurious, list(spurious.values())),
        series_of("Mean stall of a run", "ms", cells, _stall_ns, stalls, 1e6),
    ]
    numbers = [*done.values(), hung, *wakeups, *spurious.values(), *stalls]
    return Conclusion(text=text, numbers=numbers, main=hung, shown=is_shown, series=panels)


Q11 = Question(
    id="Q11",
    question="POLLERR or POLLIN?",
    raised_by="asked in the review of v6: why the wait is for G_IO_ERR and not for G_IO_IN",
    experiment="in-flight: the same flush waits for POLLERR, for POLLIN (with a deadline of a second), and for both",
    changes="A peer that sends data: POLLIN then wakes the sender, but says nothing of the error queue.",
    needs="records",
    cells={
        _ERROR: in_flight("qemu-merged"),
        _INPUT: in_flight("qemu-merged", **_POLLIN),
        _BOTH: in_flight("qemu-merged", **{"wait-for": "both"}),
    },
    conclude=_conclude,
)
