# SPDX-License-Identifier: GPL-2.0-only
"""Reads a baseline, after its digest was checked."""

from pathlib import Path

import msgspec

from zcprobe.dataset.files import read_bounded
from zcprobe.dataset.option_words import describe_option
from zcprobe.dataset.schema import check_version
from zcprobe.dataset.shape import require_bounded
from zcprobe.errors import OutputError, UsageError
from zcprobe.escapes import printable_members
from zcprobe.format.baseline import Baseline, baseline_file
from zcprobe.seal import is_sealed

__all__ = ["load_baseline"]

_HINT = "make it again with --save-baseline"

_MOST_CHARACTERS = 200
"""Of an option with its value in words."""


def load_baseline(folder: Path, name: str) -> Baseline:
    """The baseline of that name in a folder of results. UsageError if there is none; OutputError for a file that
    cannot be read, is not as it was written, or is of a later version."""
    path = folder / baseline_file(name)
    try:
        raw = read_bounded(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"there is no baseline {name} in {folder}", _others(folder)) from None
    if is_sealed(raw) != "whole":
        raise OutputError(f"{path} is not as it was written: its digest is missing or of other bytes", _HINT)
    try:
        content = msgspec.json.decode(raw)
        require_bounded(content)
        check_version(path, content.get("format_version"))
        baseline = msgspec.convert(printable_members(content), Baseline)
        _require_ways(baseline)
    except (msgspec.MsgspecError, AttributeError, ValueError, RecursionError) as error:
        raise OutputError(f"{path} cannot be read: {str(error)[:200]}", _HINT) from error
    return baseline


def _others(folder: Path) -> str:
    prefix, suffix = baseline_file("\0").split("\0")
    names = sorted(path.name.removeprefix(prefix).removesuffix(suffix) for path in folder.glob(baseline_file("*")))
    return f"there are: {', '.join(names[:10])}" if names else "zcprobe compare --save-baseline NAME makes one"


def _require_ways(baseline: Baseline) -> None:
    """ValueError for an option that cannot be told in words, or not in few: a way has members of many types, which are
    told when runs were made in another way."""
    for name, point in baseline.points.items():
        for option, value in point.way.items():
            try:
                text = describe_option(option, value)
            except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
                raise ValueError(f"the option {option} of {name} has a value of another type: {error}") from error
            if len(text) > _MOST_CHARACTERS:
                raise ValueError(f"the option {option} of {name} takes {len(text):,} characters to tell")
