# SPDX-License-Identifier: GPL-2.0-only
"""What a question is, and what its answer consists of."""

from collections.abc import Callable, Mapping

import msgspec

from zcprobe.analysis.questions.cells import Cell, Needs
from zcprobe.format.campaign import PointValue
from zcprobe.format.claims import Claim
from zcprobe.format.questions import Number

__all__ = ["Cells", "Conclusion", "Options", "Question", "Series"]

Options = Mapping[str, PointValue]
"""The options of a cell, as a plan has them. `count` and `guest` are those of a quick campaign."""

Cells = Mapping[str, Cell]
"""Label -> the cell, in the order of the question."""


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A panel of the general figure: a row for each cell, with the value of each run and the number of all. `scale`:
    how many of the unit of the values make one of `unit`."""

    title: str
    unit: str
    rows: list[tuple[str, list[float], Number]]
    scale: float = 1.0


class Conclusion(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from the runs. `text`: two sentences. `main`: the number whose interval the answer has. `shown`:
    whether the runs show what the answer says. `series`: the panels of a general figure, empty where the question has a
    figure of its own."""

    text: str
    numbers: list[Number]
    main: Number
    shown: bool = True
    claims: list[Claim] = []
    series: list[Series] = []


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """`id`: `Q1` to `Q14`. `changes`: what would change the answer. `limits`: what no run in a namespace of one host
    can show, None if nothing. `is_about_speed`: whether runs that were made under load do not count. `needs`: what
    the runs must have recorded. `cells`: label ->
    the options of its runs."""

    id: str
    question: str
    raised_by: str
    experiment: str
    changes: str
    limits: str | None = None
    is_about_speed: bool = False
    needs: Needs = "counts"
    cells: Mapping[str, Options]
    conclude: Callable[[Cells], Conclusion]
