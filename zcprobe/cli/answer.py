# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe answer"""

import argparse
import sys
from pathlib import Path

from zcprobe.analysis.questions.answers import Answered, answer_of, asked_of, trials_of
from zcprobe.analysis.questions.catalogue import find_question
from zcprobe.cli.answers_text import print_answer
from zcprobe.cli.output import open_output
from zcprobe.dataset.campaign import read_campaign
from zcprobe.errors import UsageError
from zcprobe.format.questions import QUESTIONS_FILE, QUESTIONS_PAGE

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
        from zcprobe.report.questions import answers_json  # matplotlib takes long to import

        sys.stdout.buffer.write(answers_json(found))
    else:
        for one in found:
            print_answer(one.answer)
    return 0


def _write(found: list[Answered], parent: Path) -> None:
    from zcprobe.report.questions import answers_json, render_answers

    for name, content in ((QUESTIONS_FILE, answers_json(found)), (QUESTIONS_PAGE, render_answers(found).encode())):
        with open_output(parent / name) as file:
            file.write(content)
