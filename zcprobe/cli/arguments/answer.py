# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe answer`."""

import argparse
from pathlib import Path

__all__ = ["EXAMPLES", "add_answer"]

EXAMPLES = """\
examples:
  zcprobe answer results/CAMPAIGN             all questions that the campaign asked
  zcprobe answer results/CAMPAIGN Q7 -J       one of them, with its numbers, as JSON
  zcprobe answer results/CAMPAIGN -o .        questions.json and questions.html anew, in this folder
"""


def add_answer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of a campaign")
    parser.add_argument(
        "questions",
        nargs="*",
        metavar="Q",
        help="questions, Q1 to Q14 (those that the campaign asked, or else those for which it has runs)",
    )
    parser.add_argument("-J", "--json", action="store_true", help="print what questions.json holds on stdout")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write questions.json and questions.html into this folder"
    )
