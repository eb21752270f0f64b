# SPDX-License-Identifier: GPL-2.0-only
"""Tables of small runs kept in memory while many figures are drawn from them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from zcprobe.dataset.run import Run
from zcprobe.format.tables import TABLES

__all__ = ["kept_in_memory"]

_MOST_ROWS = 1 << 20


@contextmanager
def kept_in_memory(runs: Sequence[Run]) -> Iterator[None]:
    """Within the block each table is read once, instead of once for every figure and number. This applies to runs with
    at most a million rows together; longer runs are still read in parts. The block's end frees the memory."""
    kept: list[tuple[Run, str]] = []
    if sum(sum(run.meta.rows.values()) for run in runs) <= _MOST_ROWS:
        missing = [(run, table) for run in runs for table in TABLES if table not in run.__dict__]
        for run, table in missing:
            getattr(run, table)
            kept.append((run, table))
    try:
        yield
    finally:
        for run, table in kept:
            run.__dict__.pop(table, None)
