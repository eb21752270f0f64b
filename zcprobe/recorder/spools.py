# SPDX-License-Identifier: GPL-2.0-only
"""Spool files: the raw records that the C core and the probes' event reader write during a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zcprobe.format.tables import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["iterate_records", "spool_path", "spools_of"]

_CHUNK_RECORDS = 1 << 18


def spool_path(folder: Path, table: str, channel: int = 0) -> Path:
    """The spool file of a table; of the given channel if the table has one per channel."""
    return folder / f".{table}.{channel}.spool"


def spools_of(folder: Path, table: str) -> list[Path]:
    """The existing spool files of a table, in the order of their channels."""
    return sorted(folder.glob(f".{table}.*.spool"), key=lambda path: int(path.suffixes[-2][1:]))


def iterate_records(spool: Path, table: Table) -> Iterator[NDArray[np.void]]:
    """A table's records from a spool file, at most 262,144 at a time. They are read, not mapped, because mapped pages
    count as resident memory."""
    import numpy as np  # numpy is imported only if there are records

    dtype = table.dtype
    with spool.open("rb") as file:
        while len(records := np.fromfile(file, dtype, _CHUNK_RECORDS)):
            yield records
