# SPDX-License-Identifier: GPL-2.0-only
"""Run folders at or below a folder, found without walking a whole disk."""

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from zcprobe.errors import OutputError

__all__ = ["find_run_folders"]

_MOST_FOLDERS = 10_000
"""The search gives up after so many folders without a run. Results of years have fewer, a whole disk has more."""


def find_run_folders(roots: Sequence[Path]) -> list[Path]:
    """Every folder at or below `roots` that has a run.json, by name; nearer ones are looked into first.

    Hidden folders, as those of unfinished runs, and links below a root are left out, and so is what may not be read.
    OutputError when too many folders hold no run.
    """
    waiting, found, looked = deque(map(str, roots)), set(), 0  # paths as text: a Path of each would take twice as long
    while waiting:
        folder = waiting.popleft()
        if os.path.lexists(os.path.join(folder, "run.json")):
            found.add(folder)
            continue
        looked += 1
        if looked > _MOST_FOLDERS:
            raise OutputError(
                f"more than {_MOST_FOLDERS:,} folders at {roots[0]} hold no run: results are kept closer together",
                "name the folder that zcprobe run or zcprobe compare printed, or the one that holds it",
            )
        waiting += _folders_in(folder)
    return [Path(folder) for folder in sorted(found, key=lambda folder: (os.path.basename(folder), folder))]


def _folders_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [one.path for one in entries if not one.name.startswith(".") and one.is_dir(follow_symlinks=False)]
    except (OSError, ValueError):
        return []
