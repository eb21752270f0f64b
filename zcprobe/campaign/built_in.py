# SPDX-License-Identifier: GPL-2.0-only
"""The plans that zcprobe brings along: what each is for, and how it is made."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from zcprobe.errors import UsageError

__all__ = ["BUILT_IN", "BuiltIn"]

_QUICK_REPEATS = 3


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


BUILT_IN = {"crossover": BuiltIn("from which size of a send zerocopy is better than copying", _crossover)}
"""What is written instead of a file -> the plan."""
