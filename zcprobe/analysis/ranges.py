# SPDX-License-Identifier: GPL-2.0-only
"""The ranges of sends that notifications cover, in the order in which they were read: holes and distances."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["RANGES_DTYPES", "df_ranges", "iterate_ranges"]

_PART_ROWS = 1 << 19

RANGES_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "lo": "int64",
    "hi": "int64",
    "send_count": "int64",
    "distance": "int64",
    "missing_count": "int64",
    "copied": "bool",
}


def df_ranges(run: Run) -> pd.DataFrame:
    """One row per notification read; each channel's rows are in the order in which they were read.

    Columns: time_s (float64, since the first send began); channel, lo, hi (int64); send_count (int64, hi - lo + 1);
    distance (int64, sends from the one after the highest completed so far to lo: 0 means in order, a positive distance
    is the size of the hole that is skipped, and a negative one says how far back a hole is filled); missing_count
    (int64, sends below the highest completed that are still missing after this notification); copied (bool, the code
    that user space is told).
    """
    parts = list(iterate_ranges(run))
    return pd.concat(parts, ignore_index=True) if parts else empty_frame(RANGES_DTYPES)


def iterate_ranges(run: Run) -> Iterator[pd.DataFrame]:
    """The rows of `df_ranges` in parts."""
    done: dict[int, tuple[int, int]] = {}
    for part in run.iterate("notifications", ["time_ns", "channel", "lo", "hi", "copied"], _PART_ROWS):
        for number, read in part.groupby("channel"):
            channel = int(str(number))
            highest_before, completed_before = done.get(channel, (-1, 0))
            lo, hi = read["lo"].to_numpy(), read["hi"].to_numpy()
            highest = np.maximum.accumulate(np.concatenate([[highest_before], hi]))
            completed = completed_before + np.cumsum(hi - lo + 1)
            done[channel] = int(highest[-1]), int(completed[-1])
            table = {
                "time_s": seconds(run, read["time_ns"]),
                "channel": channel,
                "lo": lo,
                "hi": hi,
                "send_count": hi - lo + 1,
                "distance": lo - highest[:-1] - 1,
                "missing_count": np.maximum(highest[1:] + 1 - completed, 0),
                "copied": read["copied"],
            }
            yield pd.DataFrame(table).astype(RANGES_DTYPES)
