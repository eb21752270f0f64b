"""Fewer points, the same picture: peaks and troughs stay."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["envelope"]


def envelope(time: NDArray[np.float64], value: NDArray[np.float64], bins: int = 400) -> NDArray[np.int64]:
    """Indices, ascending, of the points to draw: of each of `bins` equal spans of time the first, the lowest, the
    highest and the last. All points when there are no more than 4 * bins. `time` must be ascending."""
    count = len(time)
    if count <= 4 * bins:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(time[0], time[-1], bins + 1)[:-1]
    starts = np.unique(np.searchsorted(time, edges))
    starts = starts[starts < count]
    ends = np.append(starts[1:], count) - 1
    lowest = np.repeat(np.minimum.reduceat(value, starts), ends - starts + 1)
    highest = np.repeat(np.maximum.reduceat(value, starts), ends - starts + 1)
    extremes = [_first_in_each(value == bound, starts) for bound in (lowest, highest)]
    return np.unique(np.concatenate([starts, ends, *extremes])).astype(np.int64)


def _first_in_each(holds: NDArray[np.bool_], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first index in each span for which `holds`; each span has one."""
    where = np.flatnonzero(holds)
    return where[np.searchsorted(where, starts)]
