# SPDX-License-Identifier: GPL-2.0-only
"""The answers to questions as JSON, and as one self-contained HTML file with a page for each."""

from base64 import b64encode
from collections.abc import Sequence
from importlib.resources import files

import msgspec
from jinja2 import Environment, StrictUndefined

from zcprobe.analysis.questions.answers import Answered
from zcprobe.analysis.questions.words import told
from zcprobe.analysis.validity import stamp_of
from zcprobe.format.questions import Answer, Number
from zcprobe.plots.answer import draw_answer
from zcprobe.plots.canvas import figure_bytes

__all__ = ["answers_json", "render_answers"]


class _Page(msgspec.Struct, frozen=True):
    """What the report says of one question. `rows`: its numbers, as text. `source`: the figure, None if runs are
    missing."""

    answer: Answer
    rows: list[tuple[str, str, str, str]]
    cells: list[tuple[str, str, int]]
    source: str | None


def answers_json(answered: Sequence[Answered]) -> bytes:
    """The content of questions.json."""
    return msgspec.json.format(msgspec.json.encode([one.answer for one in answered]), indent=1) + b"\n"


def render_answers(answered: Sequence[Answered]) -> str:
    """The HTML of questions.html."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = files("zcprobe.report").joinpath("questions.html.j2").read_text("utf-8")
    runs = list({run.name: run for one in answered for run in one.runs}.values())
    pages = [_page(one) for one in answered]
    return environment.from_string(text).render(pages=pages, stamp=stamp_of(runs), runs=len(runs))


def _page(answered: Answered) -> _Page:
    return _Page(
        answer=answered.answer,
        rows=[_row(number) for number in answered.answer.numbers],
        cells=[
            (label, ", ".join(f"{name} {value}" for name, value in options.items()), len(answered.cells[label].runs))
            for label, options in answered.question.cells.items()
        ],
        source=_source(answered),
    )


def _row(number: Number) -> tuple[str, str, str, str]:
    unit = "" if number.unit in ("ns", "bytes", "bit/s", "share") else number.unit
    value = f"{told(number)} {unit}".strip() if number.n else "no run has one"
    return number.cell, number.quantity, value, f"{number.n} ({number.method})"


def _source(answered: Answered) -> str | None:
    if answered.conclusion is None:
        return None
    content = figure_bytes(draw_answer(answered), answered.question.id, "svg")
    return f"data:image/svg+xml;base64,{b64encode(content).decode('ascii')}"
