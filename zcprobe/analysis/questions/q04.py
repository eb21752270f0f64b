# SPDX-License-Identifier: GPL-2.0-only
"""Q4: how often the error queue is read."""

from zcprobe.analysis.questions.cells_of_many import held, in_flight
from zcprobe.analysis.questions.estimates import apart, mean_of, series_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Options, Question
from zcprobe.analysis.questions.words import told
from zcprobe.dataset.run import Run
from zcprobe.format.questions import Number

__all__ = ["Q4"]

_EVERY = (8, 32, 128, 512)
_AT_ENOBUFS, _IN_FLIGHT, _IN_FLIGHT_8 = "held, at ENOBUFS", "in flight, at ENOBUFS", "in flight, every 8"


def _cells() -> dict[str, Options]:
    sweep = {f"held, every {every}": held("drain-every", **{"set.drain_every": every}) for every in _EVERY}
    return {
        **sweep,
        _AT_ENOBUFS: held("qemu-merged"),
        _IN_FLIGHT_8: in_flight("drain-every", **{"set.drain_every": 8}),
        _IN_FLIGHT: in_flight("qemu-merged"),
    }


def _per_thousand(run: Run) -> float | None:
    return 1000 * run.sender.enobufs_count / run.sender.sends if run.sender.sends else None


def _conclude(cells: Cells) -> Conclusion:
    numbers = {label: mean_of("enobufs_per_1000_sends", "", cell, _per_thousand) for label, cell in cells.items()}
    often, seldom = numbers[f"held, every {_EVERY[0]}"], numbers[_AT_ENOBUFS]
    unread_helps = apart(often, seldom) and (often.value or 0) < (seldom.value or 0)
    flight_helps = apart(numbers[_IN_FLIGHT_8], numbers[_IN_FLIGHT])
    first = "Partly" if unread_helps else "That is not shown"
    compared = "" if unread_helps else " (no difference shown: the intervals overlap)"
    text = (
        f"{first}: with clones held back, a sender that reads its error queue every {_EVERY[0]} sends met {told(often)}"
        f" ENOBUFS per 1,000 sends, every {_EVERY[-1]} {told(numbers[f'held, every {_EVERY[-1]}'])}, and one that reads"
        f" only at ENOBUFS {told(seldom)}{compared}. Where sends in flight hold optmem, reading every {_EVERY[0]} sends"
        f" {'changed' if flight_helps else 'was not shown to change'} anything: {told(numbers[_IN_FLIGHT_8])} against"
        f" {told(numbers[_IN_FLIGHT])}, because there is nothing to read."
    )
    panels = [
        series_of(f"{title}: ENOBUFS per 1,000 sends", "calls", cells, _per_thousand, _beginning_with(numbers, what))
        for what, title in (("held", "Clones held back"), ("in flight", "Acknowledgements late"))
    ]
    return Conclusion(text=text, numbers=list(numbers.values()), main=often, series=panels)


def _beginning_with(numbers: dict[str, Number], what: str) -> list[Number]:
    return [number for label, number in numbers.items() if label.startswith(what)]


Q4 = Question(
    id="Q4",
    question="Are there too many writes before a flush?",
    raised_by="asked in the review of the series",
    experiment="drain-every with 8 to 512 sends between two readings, beside qemu-merged, which reads only at ENOBUFS;"
    " with clones held back and with sends in flight",
    changes="A larger limit makes room for more unread notifications, so that the same effect needs fewer readings.",
    cells=_cells(),
    conclude=_conclude,
)
