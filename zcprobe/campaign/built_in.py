# SPDX-License-Identifier: GPL-2.0-only
"""The plans that zcprobe brings along: what each is for, and how it is made."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from zcprobe.errors import UsageError
from zcprobe.format.campaign import PointValue
from zcprobe.units import parse_bytes

__all__ = ["BUILT_IN", "BuiltIn"]

_QUICK_REPEATS = 3

_QUICK_ANSWERS, _ANSWERS = 6, 12
"""Runs of each cell of the questions. Six can decide two dozen comparisons at once, or with one lost still six. From
eleven on the runs of a block are exchanged with each other alone; one more may be lost."""

_LONGER = 4
"""How many times as much as in a quick campaign a run sends."""


class BuiltIn(msgspec.Struct, frozen=True):
    """`text`: what the plan is for. `make`: what a TOML file with the plan would hold; quick or thorough, and all of it
    or only the part that a text names (UsageError for a text that names nothing)."""

    text: str
    make: Callable[[bool, str | None], dict[str, Any]]


def _crossover(quick: bool, only: str | None) -> dict[str, Any]:
    """The plan of plans/crossover.toml; quick, with every other size and fewer repeats."""
    if only is not None:
        raise UsageError(f"the plan crossover has no part {only!r}", "leave it out: all of the plan is carried out")
    content = tomllib.loads((Path(__file__).parent / "plans" / "crossover.toml").read_text())
    if quick:
        content["length"] = content["length"][::2]
        content["plan"]["repeats"] = _QUICK_REPEATS
    return content


def _questions(quick: bool, only: str | None) -> dict[str, Any]:
    from zcprobe.analysis.questions.catalogue import QUESTIONS, cells_of, parse_questions  # with scipy

    asked = list(QUESTIONS.values()) if only is None else parse_questions(only)
    cells = [cell if quick else _longer(cell) for cell in cells_of(asked)]
    return {
        "part": [_as_part(cell) for cell in cells],
        "plan": {
            "name": "questions",
            "repeats": _QUICK_ANSWERS if quick else _ANSWERS,
            "questions": [question.id for question in asked],
        },
    }


def _longer(cell: Mapping[str, PointValue]) -> dict[str, PointValue]:
    """The cell with more to send."""
    found = dict(cell)
    if "count" in found:
        found["count"] = _LONGER * int(found["count"])
    if "guest" in found:
        found["guest"] = str(_LONGER * parse_bytes(str(found["guest"])))
    return found


def _as_part(cell: Mapping[str, PointValue]) -> dict[str, Any]:
    """The part of the plan that has the cell alone. There parameters of policies are a table."""
    plain: dict[str, Any] = {name: value for name, value in cell.items() if not name.startswith("set.")}
    parameters = {name.removeprefix("set."): value for name, value in cell.items() if name.startswith("set.")}
    return {**plain, **({"set": parameters} if parameters else {})}


BUILT_IN = {
    "crossover": BuiltIn("from which size of a send zerocopy is better than copying", _crossover),
    "questions": BuiltIn("fourteen questions about MSG_ZEROCOPY senders, answered", _questions),
}
"""What is written instead of a file -> the plan."""
