# SPDX-License-Identifier: GPL-2.0-only
"""Q9: fail the migration, or skip zerocopy."""

from zcprobe.analysis.questions.cells_of_many import held
from zcprobe.analysis.questions.estimates import died_share, effect_of, mean_of, policy_claims, series_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Question
from zcprobe.analysis.questions.words import claim_words, of_runs
from zcprobe.dataset.run import Run

__all__ = ["Q9"]

_MERGED, _FAILS = "qemu-merged", "qemu-pre"


def _zerocopy_share(run: Run) -> float | None:
    return run.sender.sends / run.sender.writes if run.sender.writes else None


def _conclude(cells: Cells) -> Conclusion:
    skipping = [label for label in cells if label not in (_MERGED, _FAILS)]
    died = {label: died_share(cell) for label, cell in cells.items()}
    living = {label: cell for label, cell in cells.items() if label != _FAILS}
    claims = policy_claims(_MERGED, living, ["goodput_bps"])
    goodput = [mean_of("goodput_bps", "bit/s", cell, lambda run: run.sender.goodput_bps) for cell in living.values()]
    shares = [mean_of("zerocopy_share", "share", cell, _zerocopy_share) for cell in living.values()]
    dead = sum(run.sender.outcome != "completed" for label in skipping for run in cells[label].runs)
    total = sum(len(cells[label].runs) for label in skipping)
    is_shown = dead == 0 and (died[_FAILS].low or 0) > 0.5
    text = (
        f"{'Skip it' if is_shown else 'The runs do not decide it'}: a sender that fails at ENOBUFS (qemu-pre) died in"
        f" {of_runs(died[_FAILS])}, and those that skip zerocopy failed in {dead} of {total} runs, and qemu-merged in"
        f" {of_runs(died[_MERGED])}. Beside qemu-merged they moved data like this:"
        f" {'; '.join(map(claim_words, claims))}."
    )
    panels = [
        series_of("Goodput", "Gbit/s", cells, lambda run: run.sender.goodput_bps, goodput, 1e9),
        series_of("Share of the writes that went out as zerocopy", "%", cells, _zerocopy_share, shares, 0.01),
    ]
    numbers = [*died.values(), *goodput, *shares, *map(effect_of, claims)]
    return Conclusion(text=text, numbers=numbers, main=died[_FAILS], shown=is_shown, claims=claims, series=panels)


Q9 = Question(
    id="Q9",
    question="Fail the migration, or skip zerocopy?",
    raised_by="asked in the review of the series; other senders skip zerocopy",
    experiment="held-completions: policies that copy after ENOBUFS (folly, copy-off: for good; ydb: until everything"
    " outstanding is completed) beside qemu-merged and qemu-pre",
    changes="A CPU without time for copies: then waiting may be cheaper than copying.",
    limits="On veth every zerocopy send is copied at its end, so a copy by the sender costs nothing more here. What it"
    " costs on a network card that copies nothing, only runs over that card can show (zcprobe run --nics).",
    is_about_speed=True,
    cells={
        _MERGED: held(_MERGED),
        "folly": held("folly"),
        "copy-off": held("copy-off"),
        "ydb": held("ydb", **{"set.off_on_copied": 0}),
        _FAILS: held(_FAILS),
    },
    conclude=_conclude,
)
