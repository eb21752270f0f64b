# SPDX-License-Identifier: GPL-2.0-only
"""From the runs of a campaign to the answers, the same whether the campaign has just ended or was made long ago."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from zcprobe.analysis.questions.catalogue import QUESTIONS, find_question
from zcprobe.analysis.questions.cells import Trial, fill_cell
from zcprobe.analysis.questions.question import Cells, Conclusion, Question
from zcprobe.analysis.questions.words import listed
from zcprobe.analysis.validity import stamp_of
from zcprobe.dataset.campaign import read_campaign
from zcprobe.dataset.load import load_campaign
from zcprobe.dataset.run import Run
from zcprobe.format.campaign import Campaign
from zcprobe.format.questions import QUESTIONS_PAGE, Answer

__all__ = ["Answered", "answer_campaign", "answer_of", "asked_of", "trials_of"]


class Answered(msgspec.Struct, frozen=True):
    """An answer with what a figure of it is drawn from. `conclusion` is None where runs are missing."""

    question: Question
    cells: Cells
    conclusion: Conclusion | None
    answer: Answer

    @property
    def runs(self) -> list[Run]:
        """The runs that count, each once."""
        return list({run.name: run for cell in self.cells.values() for run in cell.runs}.values())


def trials_of(folder: Path) -> list[Trial]:
    """The runs of a campaign that are counted, each with its block. OutputError."""
    campaign = read_campaign(folder)
    blocks = {run.folder: run.block for point in campaign.points for run in point.runs}
    return [Trial(blocks[run.folder.name], run) for run in load_campaign(folder)]


def asked_of(campaign: Campaign, trials: list[Trial]) -> list[Question]:
    """The questions that the campaign's plan asks; of another campaign those for which it has runs of each cell."""
    settings = campaign.plan.get("plan")
    asked = settings.get("questions") if isinstance(settings, dict) else None
    if isinstance(asked, list):
        return [find_question(str(one)) for one in asked]
    return [
        question for question in QUESTIONS.values() if all(cell.made for cell in fill_cells(question, trials).values())
    ]


def fill_cells(question: Question, trials: list[Trial]) -> Cells:
    """The cells of the question with their runs."""
    return {
        label: fill_cell(label, options, trials, question.needs, is_about_speed=question.is_about_speed)
        for label, options in question.cells.items()
    }


def answer_campaign(folder: Path, questions: Sequence[Question], place: Path | None = None) -> list[Answered]:
    """The answers to these questions from the runs in the folder of a campaign. `place`: its path for people, if it is
    another. OutputError for a folder that is not a campaign's, or has no runs."""
    trials = trials_of(folder)
    return [answer_of(question, trials, (place or folder).name) for question in questions]


def _missing(cells: Cells) -> str:
    """Which cells lack runs; empty if none does."""
    lacking: dict[str, list[str]] = {}
    for label, cell in cells.items():
        if cell.what_is_missing is not None:
            lacking.setdefault(cell.what_is_missing, []).append(f"`{label}`")
    return "; ".join(
        f"{listed(labels)} {'has' if len(labels) == 1 else 'have'} {what}" for what, labels in lacking.items()
    )


def _count_text(cells: Cells) -> str:
    """`5 runs of each cell`, or the fewest and the most."""
    counts = sorted({len(cell.trials) for cell in cells.values()})
    return f"{' to '.join(map(str, counts[:: max(len(counts) - 1, 1)]))} runs of each cell"


def answer_of(question: Question, trials: list[Trial], campaign: str) -> Answered:
    """The answer from those of the runs that belong to the question's cells. `campaign`: the name of their folder."""
    cells = fill_cells(question, trials)
    missing = _missing(cells)
    conclusion = None if missing else question.conclude(cells)
    runs = {label: sorted(run.name for run in cell.runs) for label, cell in cells.items()}
    text = f"Not answered, because runs are missing: {missing}." if conclusion is None else conclusion.text
    if conclusion is not None:
        text += f" ({_count_text(cells)}.)"
    answer = Answer(
        id=question.id,
        question=question.question,
        raised_by=question.raised_by,
        experiment=question.experiment,
        answer=text,
        answered=conclusion is not None and conclusion.shown,
        numbers=[] if conclusion is None else conclusion.numbers,
        interval=None if conclusion is None else conclusion.main,
        claims=[] if conclusion is None else conclusion.claims,
        runs=runs,
        stamp=stamp_of(list({run.name: run for cell in cells.values() for run in cell.made}.values())),
        figure=None if conclusion is None else f"{QUESTIONS_PAGE}#figure-{question.id}",
        command=f"zcprobe answer {shlex.quote(campaign)} {question.id}",
        changes=question.changes,
        limits=question.limits,
    )
    return Answered(question, cells, conclusion, answer)
