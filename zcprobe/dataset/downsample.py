# SPDX-License-Identifier: GPL-2.0-only
"""Reduces a column over time to a bounded number of points, without ever holding all rows."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["DOWNSAMPLED_DTYPES", "downsample", "envelope"]

DOWNSAMPLED_DTYPES = {"time_ns": "int64", "row_count": "int64", "low": "float64", "high": "float64", "mean": "float64"}


def downsample(
    chunks: Callable[[], Iterable[pd.DataFrame]], time: str, value: str, buckets: int, where: slice = slice(None)
) -> pd.DataFrame:
    """Lowest, highest and mean `value` of each of `buckets` equal spans of `time`.

    `chunks()` starts a new pass over frames with both columns: one pass finds the ends, a second fills the buckets.
    `where` is a slice of time in ns. Columns: time_ns (int64, the span's beginning), row_count (int64), low, high,
    mean (float64). Spans without rows have no row; no rows at all are an empty table.
    """
    begin, end = _ends(chunks(), time, where)
    if begin is None or end is None:
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in DOWNSAMPLED_DTYPES.items()})
    width = max(-(-(end - begin + 1) // buckets), 1)
    rows = np.zeros(buckets, dtype=np.int64)
    total = np.zeros(buckets)
    low, high = np.full(buckets, np.inf), np.full(buckets, -np.inf)
    for chunk in chunks():
        moments, values = _within(chunk, time, value, begin, end)
        index = (moments - begin) // width
        rows += np.bincount(index, minlength=buckets)
        total += np.bincount(index, weights=values, minlength=buckets)
        np.minimum.at(low, index, values)
        np.maximum.at(high, index, values)
    seen = rows > 0
    table = {
        "time_ns": begin + np.flatnonzero(seen) * width,
        "row_count": rows[seen],
        "low": low[seen],
        "high": high[seen],
        "mean": total[seen] / rows[seen],
    }
    return pd.DataFrame(table).astype(DOWNSAMPLED_DTYPES)


def _ends(chunks: Iterable[pd.DataFrame], time: str, where: slice) -> tuple[int | None, int | None]:
    begin: int | None = None
    end: int | None = None
    for chunk in chunks:
        moments = chunk[time].to_numpy()
        if where.start is not None:
            moments = moments[moments >= where.start]
        if where.stop is not None:
            moments = moments[moments < where.stop]
        if len(moments):
            first, last = int(moments.min()), int(moments.max())
            begin = first if begin is None else min(begin, first)
            end = last if end is None else max(end, last)
    return begin, end


def _within(
    chunk: pd.DataFrame, time: str, value: str, begin: int, end: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    moments = chunk[time].to_numpy()
    chosen = (moments >= begin) & (moments <= end)
    return moments[chosen].astype(np.int64), chunk[value].to_numpy()[chosen].astype(np.float64)


def envelope(edges: NDArray[np.float64], time: NDArray[np.float64], *values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices, ascending, of the rows that draw the same picture: between two `edges`, and before and after them all,
    the first and the last, and of each of `values` the lowest and the highest. `time` and `edges` must be ascending.

    An envelope of envelopes by the same edges is that of the whole, so that rows can be left out chunk by chunk.
    """
    span = np.searchsorted(edges, time, side="right")
    starts = np.flatnonzero(np.diff(span, prepend=-1))
    ends = (np.append(starts[1:], len(time)) - 1)[: len(starts)]
    kept = [starts, ends]
    for value in values if len(time) else ():
        bounds = np.minimum.reduceat(value, starts), np.maximum.reduceat(value, starts)
        kept += [_first_in_each(value == np.repeat(bound, ends - starts + 1), starts) for bound in bounds]
    return np.unique(np.concatenate(kept)).astype(np.int64)


def _first_in_each(holds: NDArray[np.bool_], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first index in each span for which `holds`; each span has one."""
    where = np.flatnonzero(holds)
    return where[np.searchsorted(where, starts)]
