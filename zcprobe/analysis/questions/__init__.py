# SPDX-License-Identifier: GPL-2.0-only
"""The questions that people ask of MSG_ZEROCOPY senders, each answered from runs.

A module for each question says who raised it, which cells its experiment has, and what follows from their runs. All
answers are pure: from runs to numbers, intervals and two sentences.
"""

from zcprobe.analysis.questions.answers import answer_campaign
from zcprobe.analysis.questions.catalogue import QUESTIONS, find_question

__all__ = ["QUESTIONS", "answer_campaign", "find_question"]
