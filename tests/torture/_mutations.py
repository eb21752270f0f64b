# SPDX-License-Identifier: GPL-2.0-only
"""A good run.json changed in one place, as a program that reads it may find it."""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

__all__ = ["DELETED", "VALUES", "leaves", "mutated"]

DELETED = object()
"""Replaces a value where the member is to be removed."""

VALUES: tuple[Any, ...] = (
    DELETED,
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63) - 1,
    0.5,
    -0.5,
    1e17,
    1e308,
    "",
    "\x1b[2J\x1b]0;\x07",
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "$x^$ $\\frac{$",
    "a" * 4000,
    "a" * 100_000,
    "9" * 4000,
    "../../etc/passwd",
    [],
    {},
    [[]],
    ["a"],
    [None],
    [1, 2],
    [{}],
    {"a": 1},
    {"a": {"b": {}}},
    {"\x1b[31m": "\u2066"},
)

Path = tuple[str | int, ...]


def leaves(value: Any, at: Path = ()) -> Iterator[Path]:
    """The path of each member, including members that contain others."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*at, key)
        yield from leaves(part, (*at, key))


def mutated(content: dict[str, Any], at: Path, value: Any) -> dict[str, Any]:
    """A copy with another value there."""
    copy = deepcopy(content)
    inner: Any = copy
    for key in at[:-1]:
        inner = inner[key]
    if value is DELETED:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    return copy


def some_mutations(content: dict[str, Any], rounds: int, chance: random.Random) -> Iterator[tuple[Path, Any]]:
    """`rounds` of all pairs of a place and a value, each at most once; all pairs if there are fewer."""
    places = list(leaves(content))
    total = len(places) * len(VALUES)
    for number in chance.sample(range(total), min(rounds, total)):
        place, value = divmod(number, len(VALUES))
        yield places[place], VALUES[value]
