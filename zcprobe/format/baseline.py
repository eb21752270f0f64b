# SPDX-License-Identifier: GPL-2.0-only
"""A baseline: the values of the runs of a comparison or campaign, kept under a name, so that later runs can be compared
with them. It does not need the runs any more."""

from typing import Any, Literal

import msgspec

from zcprobe.format.claims import Stamp
from zcprobe.format.metadata import FORMAT_VERSION
from zcprobe.version import VERSION

__all__ = ["BASELINE_NAME", "Baseline", "BaselinePoint", "baseline_file"]

BASELINE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""What a baseline may be called."""


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
