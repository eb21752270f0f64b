"""The ranges of sends that notifications cover, in the order in which they were read: holes and distances."""

import numpy as np
import pandas as pd

from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["RANGES_DTYPES", "df_ranges"]

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
    """One row per notification read, per channel in the order in which it was read.

    Columns: time_s (float64, since the first send began); channel, lo, hi (int64); send_count (int64, hi - lo + 1);
    distance (int64, sends from the one after the highest completed so far to lo: 0 in order, more than 0 the number of
    sends skipped, a hole, less than 0 how far back a hole is filled); missing_count (int64, sends below the highest
    completed that are still missing after this notification); copied (bool, as user space is told).
    """
    read = run.read("notifications", ["time_ns", "channel", "lo", "hi", "copied"])
    if read.empty:
        return empty_frame(RANGES_DTYPES)
    read["send_count"] = read["hi"] - read["lo"] + 1
    read = read.sort_values(["channel", "time_ns"], kind="stable", ignore_index=True)
    by_channel = read.groupby("channel")
    highest = by_channel["hi"].cummax()
    before = highest.groupby(read["channel"]).shift(fill_value=-1)
    read["distance"] = read["lo"] - before - 1
    read["missing_count"] = np.maximum(highest + 1 - by_channel["send_count"].cumsum(), 0)
    read["time_s"] = seconds(run, read["time_ns"])
    return read[list(RANGES_DTYPES)].astype(RANGES_DTYPES)
