# SPDX-License-Identifier: GPL-2.0-only
"""The questions, and the runs that they need."""

import pytest

from zcprobe.analysis.questions.catalogue import QUESTIONS, cells_of, find_question, parse_questions
from zcprobe.errors import UsageError


def test_there_are_fourteen() -> None:
    assert list(QUESTIONS) == [f"Q{number}" for number in range(1, 15)]
    assert all(question.question.endswith("?") for question in QUESTIONS.values())
    assert all(question.changes.endswith(".") for question in QUESTIONS.values())


def test_a_cell_of_several_questions_is_made_once() -> None:
    needed = cells_of(list(QUESTIONS.values()))
    each = [cell for question in QUESTIONS.values() for cell in cells_of([question])]
    assert len(needed) == 34 < len(each)
    assert all(needed.count(cell) == 1 for cell in each)


def test_questions_are_found_by_their_ids() -> None:
    assert find_question("q7") is QUESTIONS["Q7"]
    assert [question.id for question in parse_questions("Q11, q1,Q11")] == ["Q1", "Q11"]
    with pytest.raises(UsageError, match="there is no question 'Q15'"):
        parse_questions("Q1,Q15")
