# SPDX-License-Identifier: GPL-2.0-only
"""A folder of runs with its index."""

from pathlib import Path

from zcprobe.dataset.index_file import INDEX_FILE
from zcprobe.export.index import Indexing

__all__ = ["update_index"]


def update_index(place: Path) -> None:
    """Makes the folder's index, or brings it up to date."""
    (place / INDEX_FILE).write_bytes(Indexing(place).make())
