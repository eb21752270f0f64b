# SPDX-License-Identifier: GPL-2.0-only
"""The table `[plan]` of a plan: how often and how long."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from zcprobe.campaign.guesses import did_you_mean
from zcprobe.errors import UsageError
from zcprobe.format.baseline import parse_baseline_name
from zcprobe.format.claims import DEFAULT_SMALLEST_EFFECT
from zcprobe.units import parse_percent, parse_seconds, shown

__all__ = ["MAX_BLOCKS", "Settings", "read_settings"]

MAX_BLOCKS = 1000
"""Runs of a point: more would take days."""
_MAX_WARM_UP = 100
_MAX_BUDGET_S = 30 * 86400.0
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%", re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`repeats`: blocks to make; each has every point once. `precision`: go on until the interval of every median is
    within this share of the median, or `budget_s` is spent. `warm_up`: runs that are made first in each sitting, and
    thrown away. `smallest_effect`: a smaller difference does not matter. `baseline`: the name of what each
    point is compared with at the end. `questions`: the ids of those to be answered at the end."""

    name: str = "campaign"
    repeats: int = 5
    precision: float | None = None
    budget_s: float | None = None
    seed: int = 1
    warm_up: int = 1
    smallest_effect: float = DEFAULT_SMALLEST_EFFECT
    baseline: str | None = None
    questions: tuple[str, ...] = ()


def read_settings(table: object) -> Settings:
    """The settings in the table `[plan]`. UsageError with the path of the wrong field."""
    if not isinstance(table, dict):
        raise UsageError("plan: expected a table", "write [plan], and its fields below")
    found: dict[str, Any] = {}
    for name, value in table.items():
        if name not in _READERS:
            hint = f"{did_you_mean(name, _READERS)}fields are {', '.join(_READERS)}"
            raise UsageError(f"plan.{name}: there is no such field", hint)
        field, read = _READERS[name]
        found[field] = read(f"plan.{name}", value)
    settings = Settings(**found)
    if settings.precision is not None and settings.budget_s is None:
        raise UsageError(
            "plan.precision: without a budget it could go on for ever", 'add the longest time: budget = "30m"'
        )
    return settings


def _whole(low: int, high: int) -> Callable[[str, object], int]:
    def read(path: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            what = f"{path}: expected a whole number in its range, got {shown(str(value))}"
            raise UsageError(what, f"write one from {low} to {high}")
        return value

    return read


def _name(path: str, value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise UsageError(
            f"{path}: {shown(str(value))} cannot be part of a folder's name",
            "write up to 40 small letters, digits and dashes, a letter or digit first",
        )
    return value


def _precision(path: str, value: object) -> float:
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    share = float(match[1]) / 100 if match else 0.0
    if not 0 < share < 1:
        raise UsageError(f"{path}: {shown(str(value))} is not a precision", 'write a share of the median: "5 %"')
    return share


def _questions(path: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise UsageError(f"{path}: expected a list of questions", 'write their ids: ["Q1", "Q11"]')
    from zcprobe.analysis.questions.catalogue import find_question  # with scipy, which takes long to import

    try:
        return tuple(find_question(str(one)).id for one in value)
    except UsageError as error:
        raise UsageError(f"{path}: {error}", error.hint) from None


def _budget(path: str, value: object) -> float:
    seconds = parse_seconds(path, str(value)) if isinstance(value, str | int | float) else 0.0
    if not 1 <= seconds <= _MAX_BUDGET_S:
        raise UsageError(f"{path}: {shown(str(value))} is not a time in its range", 'from 1 s to 30 days: "90m", "24h"')
    return seconds


_READERS: dict[str, tuple[str, Callable[[str, object], Any]]] = {
    "name": ("name", _name),
    "repeats": ("repeats", _whole(1, MAX_BLOCKS)),
    "precision": ("precision", _precision),
    "budget": ("budget_s", _budget),
    "seed": ("seed", _whole(0, 2**63 - 1)),
    "warm-up": ("warm_up", _whole(0, _MAX_WARM_UP)),
    "baseline": ("baseline", lambda path, value: parse_baseline_name(path, str(value))),
    "questions": ("questions", _questions),
    "smallest-effect": ("smallest_effect", lambda path, value: parse_percent(path, str(value))),
}
