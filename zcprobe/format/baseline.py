# SPDX-License-Identifier: GPL-2.0-only
"""A baseline: the values of the runs of a comparison or campaign, kept under a name, so that later runs can be compared
with them. It does not need the runs any more."""

import re
from typing import Any, Literal

import msgspec

from zcprobe.errors import UsageError
from zcprobe.format.claims import Stamp
from zcprobe.format.metadata import FORMAT_VERSION
from zcprobe.units import shown
from zcprobe.version import VERSION

__all__ = ["Baseline", "BaselinePoint", "baseline_file", "parse_baseline_name"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def parse_baseline_name(option: str, text: str) -> str:
    """The name of a baseline, given to `option`. UsageError if it cannot be part of a file's name."""
    if not _NAME.fullmatch(text):
        raise UsageError(
            f"{option}: {shown(text)} cannot name a baseline",
            "write at most 64 letters, digits, dots, dashes and underscores",
        )
    return text


def baseline_file(name: str) -> str:
    """The name of its file, in the folder that holds the results."""
    return f"baseline-{name}.json"


class BaselinePoint(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one point. `way`: how they were made, and on which host. `values`: quantity -> the value of each
    block, None where the run of the block has none."""

    way: dict[str, Any]
    values: dict[str, list[float | None]]


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """`title` and `folder` are those of the comparison or campaign of which it was made, `stamp` says whether its runs
    could be relied on, and `points` has the runs by what their point is called: a policy, or the values on axes."""

    kind: Literal["baseline"] = "baseline"
    format_version: int = FORMAT_VERSION
    zcprobe_version: str = VERSION
    name: str
    saved_utc: str
    folder: str
    title: str
    stamp: Stamp
    points: dict[str, BaselinePoint]
