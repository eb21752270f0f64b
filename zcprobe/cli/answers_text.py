# SPDX-License-Identifier: GPL-2.0-only
"""An answer in text."""

import textwrap

from zcprobe.format.questions import Answer

__all__ = ["print_answer"]

_WIDTH = 80


def print_answer(answer: Answer) -> None:
    """The question, the answer, and what it rests on, in lines of at most 80 columns."""
    print(f"{answer.id}  {answer.question}")
    paragraphs = [answer.answer, *([answer.limits] if answer.limits else []), f"{answer.stamp.text}."]
    for text in paragraphs:
        print(textwrap.fill(text, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False))
    print()
