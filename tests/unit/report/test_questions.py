# SPDX-License-Identifier: GPL-2.0-only
"""questions.html and questions.json, from the runs of a kept campaign."""

import re
from html import unescape

import msgspec
import pytest

from tests.unit.analysis.questions.asked import KEPT
from zcprobe.analysis.questions.answers import Answered, answer_campaign
from zcprobe.analysis.questions.catalogue import parse_questions
from zcprobe.report.questions import answers_json, render_answers

CONTRACT = {"id", "question", "answer", "answered", "numbers", "interval", "figure", "command"}


@pytest.fixture(scope="module")
def answered() -> list[Answered]:
    """Two that are answered, and one whose runs were never made."""
    return answer_campaign(KEPT / "answered", parse_questions("Q1,Q6,Q11"))


def test_each_question_has_a_page_and_no_figure_is_empty(answered: list[Answered]) -> None:
    page = render_answers(answered)
    assert re.findall(r'<section class="page" id="(Q\d+)">', page) == ["Q1", "Q6", "Q11"]
    assert re.findall(r'<figure id="figure-(Q\d+)"><img src="data:image/svg', page) == ["Q1", "Q6"]
    for one in answered:
        assert f"zcprobe answer answered {one.question.id}" in page
        assert one.question.raised_by in re.sub("</?code>", "`", unescape(page))
    assert "<code>zcprobe run --policy qemu-pre</code>" in page
    assert "`" not in re.sub(r'src="[^"]*"', "", page)
    assert "(not answered)" in page
    assert "have 0 valid runs of the 3 that are needed" in page


def test_the_page_needs_no_other_file(answered: list[Answered]) -> None:
    page = render_answers(answered)
    assert set(re.findall(r'(?:src|href)="([^"#]{1,5})', page)) == {"data:"}
    assert "http" not in re.sub(r'src="[^"]*"', "", page)


def test_json_keeps_the_contract(answered: list[Answered]) -> None:
    content = msgspec.json.decode(answers_json(answered))
    assert [one["id"] for one in content] == ["Q1", "Q6", "Q11"]
    for one in content:
        assert one.keys() >= CONTRACT
    first, _, last = content
    assert (first["answered"], last["answered"]) == (True, False)
    assert first["figure"] == "questions.html#figure-Q1"
    assert (last["figure"], last["interval"], last["numbers"]) == (None, None, [])
    assert {"quantity", "cell", "value", "low", "high", "unit", "n", "method"} == first["interval"].keys()
