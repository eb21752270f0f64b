# SPDX-License-Identifier: GPL-2.0-only
"""Q10: the counter of missed zerocopy."""

from zcprobe.analysis.copied import FLUSH_VARIANTS
from zcprobe.analysis.questions.cells import Cell
from zcprobe.analysis.questions.estimates import apart, mean_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Options, Question, Series
from zcprobe.analysis.questions.words import told
from zcprobe.dataset.run import Run
from zcprobe.format.questions import Number

__all__ = ["Q10"]

_IDLE, _BUSY = "idle guest", "busy guest"


def _migration(dirty_rate: str) -> Options:
    return {
        "policy": "qemu-merged",
        "scenario": "held-completions",
        "optmem-max": "128K",
        "traffic": "migration",
        "channels": 2,
        "guest": "64M",
        "dirty-rate": dirty_rate,
        "downtime": 1,
    }


def _missed_share(run: Run, variant: str) -> float | None:
    """Flushes that one meaning of the counter counts as missed, of all."""
    counts, flushes = run.sender.missed_by_variant, run.sender.flush_count
    return counts[variant] / flushes if counts and flushes else None


def _truly_copied(run: Run) -> float | None:
    copied = run.kernel.true_copied_completions
    return None if copied is None or not run.sender.completions else copied / run.sender.completions


def _missed(cell: Cell, variant: str) -> Number:
    return mean_of(f"missed_{variant}", "share", cell, lambda run: _missed_share(run, variant))


def _panel(cell: Cell, numbers: list[Number]) -> Series:
    rows = [
        (variant, cell.values(lambda run, name=variant: _missed_share(run, name)), number)  # type: ignore[misc]
        for variant, number in zip(FLUSH_VARIANTS, numbers, strict=True)
    ]
    return Series(title=f"{cell.label}: flushes counted as missed", unit="%", rows=rows, scale=0.01)


def _conclude(cells: Cells) -> Conclusion:
    missed = {label: [_missed(cell, variant) for variant in FLUSH_VARIANTS] for label, cell in cells.items()}
    copied = [mean_of("truly_copied_share", "share", cell, _truly_copied) for cell in cells.values()]
    told_missed = dict(zip(FLUSH_VARIANTS, missed[_IDLE], strict=True))
    drifts = apart(told_missed["sticky"], told_missed["all-copied"]) or (
        (told_missed["sticky"].low or 0) > (told_missed["all-copied"].high or 1)
    )
    text = (
        f"{'Not by itself' if drifts else 'Its drift is not shown'}: of an idle guest's flushes it counted"
        f" {told(told_missed['sticky'])} as missed with the meaning of the series (sticky),"
        f" {told(told_missed['all-copied'])} with that of before, and {told(told_missed['any-copied'])} with"
        " any-copied, because sticky counts a flush with nothing pending, too. On the same traffic the kernel copied"
        f" {told(copied[0])} of the completions; the counter counts flushes, and says nothing of how many those were."
    )
    numbers = [*(number for own in missed.values() for number in own), *copied]
    panels = [_panel(cells[label], own) for label, own in missed.items()]
    return Conclusion(text=text, numbers=numbers, main=told_missed["sticky"], shown=drifts, series=panels)


Q10 = Question(
    id="Q10",
    question="Does the missed-zero-copy counter mean anything?",
    raised_by="asked of dirty_sync_missed_zero_copy in the review of the series, which changed its meaning",
    experiment="migrations over two channels of an idle guest and of one that writes 100 MB/s; each flush is judged by"
    " all three meanings, beside the copies that the kernel made",
    changes="A path that copies nothing: then all-copied and any-copied count 0, and sticky still counts idle flushes.",
    limits="On veth every completion is copied. A mixture of copied and zerocopied completions, which tells all-copied"
    " from any-copied, needs a network card.",
    cells={_IDLE: _migration("0"), _BUSY: _migration("100M")},
    conclude=_conclude,
)
