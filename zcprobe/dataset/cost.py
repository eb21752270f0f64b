# SPDX-License-Identifier: GPL-2.0-only
"""The table of ratios that bench/cost.py and bench/loop.py write."""

import math
from pathlib import Path

import msgspec

from zcprobe.dataset.files import read_bounded
from zcprobe.errors import OutputError

__all__ = ["load_cost"]


def load_cost(path: str | Path) -> dict[str, list[float]]:
    """`<what>-<bytes>` -> ratios of pairs. OutputError when the file is missing, is another kind of file, or holds a
    value that is not a ratio."""
    try:
        ratios = msgspec.json.decode(read_bounded(Path(path)), type=dict[str, list[float]])
    except (OSError, ValueError, RecursionError) as error:
        raise OutputError(
            f"{path} is not a table of ratios: {error}", "bench/cost.py --json FILE writes one"
        ) from error
    for name, values in ratios.items():
        if any(not math.isfinite(value) or value <= 0 for value in values):
            raise OutputError(f"{path}: {name} has a ratio that is not a positive number", "measure again")
    return ratios
