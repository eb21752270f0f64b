# SPDX-License-Identifier: GPL-2.0-only
"""The figure of each question shows data, and says what it was drawn from."""

import numpy as np
import pytest

from tests.unit.analysis.questions.asked import KEPT, answer_with
from zcprobe.analysis.questions.answers import answer_campaign
from zcprobe.analysis.questions.catalogue import QUESTIONS
from zcprobe.plots.answer import draw_answer

HELD = {
    "Q1": {"qemu-pre": "qemu-pre", "qemu-merged": "qemu-merged"},
    "Q2": {"in order, acknowledged late": "qemu-pre", "out of order, clones held": "qemu-pre"},
    "Q5": {
        "qemu-merged, held": "qemu-merged",
        "qemu-merged, in flight": "qemu-merged",
        "wait-progress, held": "qemu-merged",
        "qemu-v2, held": "qemu-shipped",
    },
    "Q7": {"clones held": "qemu-merged", "peer stops reading": "qemu-merged"},
    "Q12": {"clones held": "qemu-pre", "acknowledged late": "qemu-shipped", "memlock of 256 KiB": "qemu-merged"},
    "Q13": {"clones held": "qemu-merged", "nothing impaired": "qemu-pre"},
}
"""Question -> label of a cell -> the policy of the kept runs that take its place."""


@pytest.mark.parametrize("question", HELD)
def test_a_figure_shows_the_runs_of_each_cell(question: str) -> None:
    answered = answer_with(question, HELD[question])
    figure = draw_answer(answered)
    shown = " ".join(text.get_text() for ax in figure.axes for text in [*ax.get_yticklabels(), *ax.texts])
    shown += " ".join(ax.get_title(loc="left") for ax in figure.axes)
    legends = [ax.get_legend() for ax in figure.axes]
    shown += " ".join(text.get_text() for legend in legends if legend for text in legend.get_texts())
    for label in answered.cells:
        assert label in shown
    assert all(ax.has_data() for ax in figure.axes)
    assert "VALID" in figure.get_supxlabel()


def test_points_of_the_general_figure_are_the_runs() -> None:
    answered = answer_with("Q1", HELD["Q1"])
    (ax,) = draw_answer(answered).axes
    drawn = sorted(float(x) for line in ax.lines if line.get_marker() == "o" for x in np.asarray(line.get_xdata()))
    assert drawn == sorted(float(run.sender.sends) for run in answered.runs)


def test_without_runs_there_is_no_figure() -> None:
    (answered,) = answer_campaign(KEPT / "answered", [QUESTIONS["Q11"]])
    with pytest.raises(ValueError, match="Q11 has nothing to draw"):
        draw_answer(answered)
