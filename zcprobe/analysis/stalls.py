"""Stalls: the time a send waits inside its policy's answer to ENOBUFS."""

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
    "wait_count": "int64",
    "blocking": "bool",
}

_KEPT = [name for name in STALLS_DTYPES if name != "time_s"]


def df_stalls(run: Run) -> pd.DataFrame:
    """One row per flush that ENOBUFS triggered, in time order.

    Columns: time_s (float64, its start, since the first send began); channel (int64); duration_ns (int64);
    notification_count and completion_count (int64, errqueue messages read and sends they cover); wait_count (int64,
    poll calls); blocking (bool, whether the flush waits for what is not there yet).
    """
    flushes = run.read("flushes", ["start_ns", "trigger", *_KEPT])
    flushes = flushes[flushes["trigger"] == "enobufs"]
    if flushes.empty:
        return empty_frame(STALLS_DTYPES)
    table = flushes[_KEPT].copy()
    table.insert(0, "time_s", seconds(run, flushes["start_ns"]))
    return table.astype(STALLS_DTYPES).sort_values("time_s", ignore_index=True)
