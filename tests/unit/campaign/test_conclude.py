# SPDX-License-Identifier: GPL-2.0-only
"""A campaign whose plan asks questions ends with their answers in its folder."""

import shutil
from pathlib import Path

import msgspec

from zcprobe.analysis.questions.answers import answer_campaign
from zcprobe.analysis.questions.catalogue import parse_questions
from zcprobe.campaign.conclude import conclude
from zcprobe.campaign.folder import open_campaign
from zcprobe.report.questions import answers_json

KEPT = Path(__file__).parents[2] / "data" / "version_3" / "answered"


def test_the_answers_are_those_that_anybody_gets_from_the_runs(tmp_path: Path) -> None:
    place = tmp_path / "answered"
    shutil.copytree(KEPT, place, ignore=shutil.ignore_patterns("questions.*"))
    with open_campaign(place) as folder:
        found = conclude(folder, ["Q1", "Q12"])
    assert [one.answer.id for one in found] == ["Q1", "Q12"]
    assert (place / "questions.json").read_bytes() == answers_json(answer_campaign(KEPT, parse_questions("Q1,Q12")))
    assert "<section" in (place / "questions.html").read_text()


def test_without_a_run_that_counts_nothing_is_written(tmp_path: Path) -> None:
    place = tmp_path / "answered"
    shutil.copytree(KEPT, place, ignore=shutil.ignore_patterns("questions.*"))
    with open_campaign(place) as folder:
        for point in folder.campaign.points:
            point.runs = [msgspec.structs.replace(run, complete=False) for run in point.runs]
        assert conclude(folder, ["Q1"]) == []
    assert not list(place.glob("questions.*"))
