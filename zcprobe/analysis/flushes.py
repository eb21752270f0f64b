"""Every reading of the error queue: what started it, how long it took, what it brought."""

import pandas as pd

from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["FLUSHES_DTYPES", "df_flushes"]

FLUSHES_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "trigger": "object",
    "duration_ns": "int64",
    "notification_count": "int64",
    "completion_count": "int64",
    "wait_count": "int64",
    "blocking": "bool",
}


def df_flushes(run: Run) -> pd.DataFrame:
    """One row per flush, in time order.

    Columns: time_s (float64, its start, since the first send began); channel (int64); trigger (str, as in
    docs/run-format.md: `enobufs`, `explicit`, `settle`, `periodic`, `reuse`); duration_ns (int64); notification_count,
    completion_count (int64, errqueue messages read and sends they cover); wait_count (int64, poll calls); blocking
    (bool, whether it waited for what was not there yet).
    """
    names = [name for name in FLUSHES_DTYPES if name != "time_s"]
    flushes = run.read("flushes", ["start_ns", *names])
    if flushes.empty:
        return empty_frame(FLUSHES_DTYPES)
    flushes = flushes.sort_values("start_ns", kind="stable", ignore_index=True)
    flushes.insert(0, "time_s", seconds(run, flushes["start_ns"]))
    return flushes[list(FLUSHES_DTYPES)].astype(FLUSHES_DTYPES)
