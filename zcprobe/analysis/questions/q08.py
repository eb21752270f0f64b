# SPDX-License-Identifier: GPL-2.0-only
"""Q8: waiting for less than everything."""

from zcprobe.analysis.claim_text import is_decidable
from zcprobe.analysis.questions.cells_of_many import held
from zcprobe.analysis.questions.estimates import effect_of, mean_of, policy_claims, series_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Question
from zcprobe.analysis.questions.words import claim_words, listed
from zcprobe.dataset.run import Run

__all__ = ["Q8"]

_MERGED = "qemu-merged"
_QUANTITIES = ("goodput_bps", "stalled_share")


def _stalled(run: Run) -> float | None:
    return run.sender.stall_ns_total / run.sender.duration_ns if run.sender.duration_ns else None


def _conclude(cells: Cells) -> Conclusion:
    claims = policy_claims(_MERGED, cells, _QUANTITIES)
    goodput = [mean_of("goodput_bps", "bit/s", cell, lambda run: run.sender.goodput_bps) for cell in cells.values()]
    stalled = [mean_of("stalled_share", "share", cell, _stalled) for cell in cells.values()]
    better = [claim.candidate for claim in claims if claim.quantity == "goodput_bps" and claim.better]
    shorter = [claim.candidate for claim in claims if claim.quantity == "stalled_share" and claim.better]
    won = f"{listed(better) if better else 'no policy'} is shown to move data faster than {_MERGED}"
    rest = f"{listed(shorter) if shorter else 'none'} to stall for a smaller share of the time"
    text = (
        f"{'Yes' if better else 'In part' if shorter else 'Not shown'}: {won}, and {rest}."
        f" The differences are: {'; '.join(map(claim_words, claims))}."
    )
    panels = [
        series_of("Goodput", "Gbit/s", cells, lambda run: run.sender.goodput_bps, goodput, 1e9),
        series_of("Share of the time that writes waited", "%", cells, _stalled, stalled, 0.01),
    ]
    main = next(effect_of(claim) for claim in claims if claim.quantity == "goodput_bps")
    numbers = [*goodput, *stalled, *map(effect_of, claims)]
    return Conclusion(
        text=text, numbers=numbers, main=main, shown=all(map(is_decidable, claims)), claims=claims, series=panels
    )


Q8 = Question(
    id="Q8",
    question="Does waiting for less than everything beat the merged fix?",
    raised_by="an RFC of 2022 flushed the older half; the merged fix waits for everything",
    experiment="held-completions: policies that wait for half (wait-progress, qemu-lru-half), or copy before optmem is"
    " full (watermark), beside qemu-merged",
    changes="Copies that cost more than here, or clones that are held for longer.",
    limits="The goodput of every policy is bounded by the queue that holds clones back, and each send is copied at the"
    " end of the veth pair anyway: this is a study of pressure, not of speed.",
    is_about_speed=True,
    cells={policy: held(policy) for policy in (_MERGED, "wait-progress", "watermark", "qemu-lru-half")},
    conclude=_conclude,
)
