# SPDX-License-Identifier: GPL-2.0-only
"""Answers the questions that a plan asks, when its campaign has made its last run."""

import importlib
from collections.abc import Sequence

from zcprobe.analysis.questions.answers import Answered, answer_campaign
from zcprobe.analysis.questions.catalogue import find_question
from zcprobe.campaign.folder import CampaignFolder
from zcprobe.format.questions import QUESTIONS_FILE, QUESTIONS_PAGE
from zcprobe.isolation import own_settings

__all__ = ["conclude"]


def conclude(folder: CampaignFolder, ids: Sequence[str]) -> list[Answered]:
    """Answers these questions, and writes questions.json and questions.html into the folder. Without any run that is
    counted it does nothing. OSError, or OutputError for a run that is not as it was recorded."""
    if not any(run.is_counted for point in folder.campaign.points for run in point.runs):
        return []
    found = answer_campaign(folder.directory.within, [find_question(one) for one in ids], folder.place)
    with own_settings():  # matplotlib takes long to import, and nobody needs it before
        report = importlib.import_module("zcprobe.report.questions")
    folder.replace(QUESTIONS_FILE, report.answers_json(found))
    folder.replace(QUESTIONS_PAGE, report.render_answers(found).encode())
    return found
