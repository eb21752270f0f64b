# SPDX-License-Identifier: GPL-2.0-only
"""questions.json: a list of answers, each with the numbers that it follows from."""

import msgspec

from zcprobe.format.claims import Claim, Stamp

__all__ = ["QUESTIONS_FILE", "QUESTIONS_PAGE", "Answer", "Number"]

QUESTIONS_FILE = "questions.json"
QUESTIONS_PAGE = "questions.html"


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """A number of a cell. `low` and `high`: its 95 % interval over runs, None with a single run. `n`: the runs that it
    is computed from. `method`: `BCa` or `percentile`, a bootstrap of the mean; `Wilson`, of a share of runs; `none`
    where all values are equal."""

    quantity: str
    cell: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    n: int
    method: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One question. `answered`: whether the runs show the answer; if not, `answer` says what is missing. `interval`:
    the number that the answer rests on, None if there is none. `figure`: where the figure is, relative to this file.
    `command` recomputes the numbers from the run folders. `changes`: what would change the answer. `limits`: what the
    experiment cannot show anywhere but on other hardware."""

    id: str
    question: str
    raised_by: str
    experiment: str
    answer: str
    answered: bool
    numbers: list[Number]
    interval: Number | None
    claims: list[Claim]
    runs: dict[str, list[str]]
    stamp: Stamp
    figure: str | None
    command: str
    changes: str
    limits: str | None
