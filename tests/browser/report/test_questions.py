# SPDX-License-Identifier: GPL-2.0-only
"""questions.html in chromium: on screen nothing is cut off, and on paper each question has a page of its own."""

from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from zcprobe.analysis.questions.answers import answer_campaign
from zcprobe.analysis.questions.catalogue import parse_questions
from zcprobe.report.questions import render_answers

KEPT = Path(__file__).parents[2] / "data" / "version_3" / "answered"
A4_WIDTH = 794
Browser = Any


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "questions.html"
    path.write_text(render_answers(answer_campaign(KEPT, parse_questions("Q1,Q6,Q11,Q12"))), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_on_screen_nothing_is_cut_off(browser: Browser, page_file: Path, width: int, height: int) -> None:
    browser.resize(width, height, mobile=width < 500)
    browser.open(page_file.as_uri())
    browser.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert browser.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.evaluate("[...document.images].map(image => image.naturalWidth > 300)") == [True] * 3
    assert [event for event in browser.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")] == []


def test_on_paper_each_question_begins_a_page(browser: Browser, page_file: Path) -> None:
    browser.resize(A4_WIDTH, 1000)
    browser.open(page_file.as_uri())
    pdf = b64decode(browser.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert pdf.count(b"/Type /Page\n") == 1 + 4
