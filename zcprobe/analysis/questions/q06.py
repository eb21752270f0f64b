# SPDX-License-Identifier: GPL-2.0-only
"""Q6: the flush that does not wait."""

from zcprobe.analysis.questions.cells_of_many import held
from zcprobe.analysis.questions.estimates import died_share, mean_of, policy_claims, series_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Question
from zcprobe.analysis.questions.words import of_runs, told
from zcprobe.dataset.run import Run

__all__ = ["Q6"]


def _in_flight_share(run: Run) -> float | None:
    unread = run.kernel.enobufs_unread_share
    return None if unread is None else 1 - unread


def _conclude(cells: Cells) -> Conclusion:
    died = {label: died_share(cell) for label, cell in cells.items()}
    sends = [mean_of("sends", "sends", cell, lambda run: run.sender.sends) for cell in cells.values()]
    in_flight = mean_of("in_flight_share", "share", cells["qemu-v2"], _in_flight_share)
    claims = policy_claims("qemu-merged", cells, ["completed_share"])
    is_shown = all(claim.shown and not claim.better for claim in claims)
    lead = "The migration" if is_shown else "It is not shown that anything fails more often; the sender"
    text = (
        f"{lead}: qemu-v2 and qemu-shipped died in {of_runs(died['qemu-v2'])} and {of_runs(died['qemu-shipped'])} of"
        f" the same traffic of which qemu-merged died in {of_runs(died['qemu-merged'])}. At the ENOBUFS of"
        f" qemu-v2 sends in flight held {told(in_flight)} of the charges, which a flush that does not wait cannot free."
    )
    panel = series_of("Sends until the end of the run", "sends", cells, lambda run: run.sender.sends, sends)
    numbers = [*died.values(), *sends, in_flight]
    return Conclusion(text=text, numbers=numbers, main=died["qemu-v2"], shown=is_shown, claims=claims, series=[panel])


Q6 = Question(
    id="Q6",
    question="What can fail when the flush does not block on a blocking socket?",
    raised_by="asked in the review of v2 to v4 of the series; the released QEMU does this, because nothing sets its"
    " field `blocking`",
    experiment="held-completions with flushes that do not wait (qemu-v2, qemu-shipped) and one that does (qemu-merged)",
    changes="Clones that are held so briefly that they are released between the first ENOBUFS and the second.",
    cells={"qemu-merged": held("qemu-merged"), "qemu-v2": held("qemu-v2"), "qemu-shipped": held("qemu-shipped")},
    conclude=_conclude,
)
