# SPDX-License-Identifier: GPL-2.0-only
"""Q1: the failure, reproduced."""

from zcprobe.analysis.questions.cells_of_many import held
from zcprobe.analysis.questions.estimates import died_share, mean_of, series_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Question
from zcprobe.analysis.questions.words import of_runs, told

__all__ = ["Q1"]


def _conclude(cells: Cells) -> Conclusion:
    before, merged = cells["qemu-pre"], cells["qemu-merged"]
    died, survived = died_share(before), died_share(merged)
    sends = [mean_of("sends", "sends", cell, lambda run: run.sender.sends) for cell in cells.values()]
    is_shown = (died.low or 0) > 0.5 and (survived.value or 0) < (died.low or 0)
    verb = "reproduces it" if is_shown else "does not reproduce it reliably here"
    text = (
        f"`zcprobe run --policy qemu-pre` {verb}: the sender died of ENOBUFS in {of_runs(died)}, after"
        f" {told(sends[0])} sends. On the same traffic qemu-merged, which reads the error queue at ENOBUFS and waits,"
        f" died in {of_runs(survived)}."
    )
    panel = series_of("Sends until the end of the run", "sends", cells, lambda run: run.sender.sends, sends)
    return Conclusion(text=text, numbers=[died, survived, *sends], main=died, shown=is_shown, series=[panel])


Q1 = Question(
    id="Q1",
    question="How is the failure reproduced?",
    raised_by="asked in the review of v1 of QEMU's partial-flush series, and answered there by a walk through the code",
    experiment="held-completions: 1 in 16 packets has its clone held back; with and without the fix",
    changes="A limit with room for everything that is held back, a sender that reads its error queue in time, or sends"
    " that all complete in order.",
    cells={"qemu-pre": held("qemu-pre"), "qemu-merged": held("qemu-merged")},
    conclude=_conclude,
)
