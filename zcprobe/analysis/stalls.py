"""Stalls: the time a write waits inside its policy."""

import pandas as pd

from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["STALLS_DTYPES", "df_stalls"]

STALLS_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "duration_ns": "int64",
    "notification_count": "int64",
    "completion_count": "int64",
    "enobufs_count": "int64",
}

_KEPT = [name for name in STALLS_DTYPES if name != "time_s"]


def df_stalls(run: Run) -> pd.DataFrame:
    """One row per write that waited inside its policy, in time order.

    Columns: time_s (float64, its start, since the first send began); channel (int64); duration_ns (int64, failed
    attempts in between included); notification_count and completion_count (int64, errqueue messages read meanwhile and
    sends they cover); enobufs_count (int64, ENOBUFS it met; 0 where the policy waited before one could happen).
    """
    stalls = run.read("stalls", ["start_ns", *_KEPT])
    if stalls.empty:
        return empty_frame(STALLS_DTYPES)
    table = stalls[_KEPT].copy()
    table.insert(0, "time_s", seconds(run, stalls["start_ns"]))
    return table.astype(STALLS_DTYPES).sort_values("time_s", ignore_index=True)
