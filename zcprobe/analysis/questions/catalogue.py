# SPDX-License-Identifier: GPL-2.0-only
"""All questions, and the cells that they need together."""

from collections.abc import Sequence

from zcprobe.analysis.questions.q01 import Q1
from zcprobe.analysis.questions.q02 import Q2
from zcprobe.analysis.questions.q03 import Q3
from zcprobe.analysis.questions.q04 import Q4
from zcprobe.analysis.questions.q05 import Q5
from zcprobe.analysis.questions.q06 import Q6
from zcprobe.analysis.questions.q07 import Q7
from zcprobe.analysis.questions.q08 import Q8
from zcprobe.analysis.questions.q09 import Q9
from zcprobe.analysis.questions.q10 import Q10
from zcprobe.analysis.questions.q11 import Q11
from zcprobe.analysis.questions.q12 import Q12
from zcprobe.analysis.questions.q13 import Q13
from zcprobe.analysis.questions.q14 import Q14
from zcprobe.analysis.questions.question import Options, Question
from zcprobe.errors import UsageError
from zcprobe.units import shown

__all__ = ["QUESTIONS", "cells_of", "find_question", "parse_questions"]

QUESTIONS = {question.id: question for question in (Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8, Q9, Q10, Q11, Q12, Q13, Q14)}


def find_question(text: str) -> Question:
    """The question of that id, in capital or small letters. UsageError names the known ones."""
    try:
        return QUESTIONS[text.strip().upper()]
    except KeyError:
        raise UsageError(f"there is no question {shown(text)}", f"there are {', '.join(QUESTIONS)}") from None


def parse_questions(text: str) -> list[Question]:
    """The questions named in `Q1,Q11`, in the order of the catalogue, each once. UsageError."""
    asked = {find_question(one).id for one in text.split(",")}
    return [question for question in QUESTIONS.values() if question.id in asked]


def cells_of(questions: Sequence[Question]) -> list[Options]:
    """The options of every cell that these questions need. A cell of several questions is there once."""
    found: list[Options] = []
    for question in questions:
        # a single channel is what a run has if nobody asks for more
        own = (
            {name: value for name, value in cell.items() if (name, value) != ("channels", 1)}
            for cell in question.cells.values()
        )
        found += [cell for cell in own if cell not in found]
    return found
