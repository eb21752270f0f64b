# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe answer"""

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from zcprobe.analysis.questions.answers import Answered, answer_of, asked_of, trials_of
from zcprobe.analysis.questions.catalogue import find_question
from zcprobe.cli.answers_text import print_answer
from zcprobe.cli.output import open_output
from zcprobe.dataset.campaign import read_campaign
from zcprobe.errors import UsageError
from zcprobe.format.questions import QUESTIONS_FILE, QUESTIONS_PAGE
from zcprobe.isolation import own_settings

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Reads the runs, and nothing that an earlier answer wrote."""
    folder = options.folder if options.folder.name not in ("", "..") else options.folder.resolve()
    trials = trials_of(folder)
    questions = [find_question(text) for text in options.questions] or asked_of(read_campaign(folder), trials)
    if not questions:
        raise UsageError(
            f"{folder} has no runs that answer a question", "zcprobe campaign questions makes those; or name one: Q1"
        )
    found = [answer_of(question, trials, folder.name) for question in questions]
    if options.output is not None:
        _write(found, options.output)
    if options.json:
        sys.stdout.buffer.write(_report().answers_json(found))
    else:
        for one in found:
            print_answer(one.answer)
    return 0


def _report() -> Any:
    """The module that writes answers. It draws figures, and only this much of the verb needs matplotlib, which takes
    long to import and must not find settings in the current folder."""
    with own_settings():
        return importlib.import_module("zcprobe.report.questions")


def _write(found: list[Answered], parent: Path) -> None:
    report = _report()
    contents = {QUESTIONS_FILE: report.answers_json(found), QUESTIONS_PAGE: report.render_answers(found).encode()}
    for name, content in contents.items():
        with open_output(parent / name) as file:
            file.write(content)
