"""Sends in flight as the sender sees them: accepted by the kernel, and no notification read that covers them."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.timebase import empty_frame, origin_ns
from zcprobe.dataset.load import Run

__all__ = ["IN_FLIGHT_DTYPES", "df_in_flight"]

IN_FLIGHT_DTYPES = {"time_s": "float64", "channel": "int64", "low_count": "int64", "high_count": "int64"}


def df_in_flight(run: Run, buckets: int = 2000) -> pd.DataFrame:
    """Lowest and highest number of sends in flight in each of `buckets` equal spans of a run's time, per channel.

    Columns: time_s (float64, the span's beginning, since the first send began); channel (int64); low_count and
    high_count (int64, sends; counted before and after every send and every notification in the span). Spans without
    either have no row. A run of any length gives at most `buckets` rows per channel. Notifications on the error queue
    that nobody has read still count as in flight here; `df_optmem` tells them apart.
    """
    sends = run.read("sends", ["start_ns", "latency_ns", "channel", "send_id"])
    read = run.read("notifications", ["time_ns", "lo", "hi", "channel"])
    sends = sends[sends["send_id"] >= 0]
    if sends.empty:
        return empty_frame(IN_FLIGHT_DTYPES)
    tables = []
    for channel in sends["channel"].unique():
        own, covered = sends[sends["channel"] == channel], read[read["channel"] == channel]
        accepted_ns = (own["start_ns"] + own["latency_ns"]).to_numpy()
        completed = (covered["hi"] - covered["lo"] + 1).to_numpy().cumsum()
        table = _envelope(accepted_ns, covered["time_ns"].to_numpy(), completed, buckets)
        table["channel"] = channel
        tables.append(table)
    counted = pd.concat(tables, ignore_index=True)
    counted["time_s"] = (counted["time_ns"] - origin_ns(run)) / 1e9
    return counted[list(IN_FLIGHT_DTYPES)].astype(IN_FLIGHT_DTYPES)


def _envelope(
    accepted_ns: NDArray[np.int64], read_ns: NDArray[np.int64], completed: NDArray[np.int64], buckets: int
) -> pd.DataFrame:
    """Both times ascending; `completed` is the sum of sends completed with each notification."""
    order = np.argsort(np.concatenate([accepted_ns, read_ns]), kind="stable")
    moments = np.concatenate([accepted_ns, read_ns])[order]
    steps = np.concatenate([np.ones(len(accepted_ns), np.int64), -np.diff(completed, prepend=0)])[order]
    after = np.cumsum(steps)
    width = max(-(-int(moments[-1] - moments[0] + 1) // buckets), 1)
    index = (moments - moments[0]) // width
    starts = np.flatnonzero(np.diff(index, prepend=-1))
    before = after - steps
    return pd.DataFrame(
        {
            "time_ns": moments[0] + index[starts] * width,
            "low_count": np.minimum.reduceat(np.minimum(before, after), starts),
            "high_count": np.maximum.reduceat(np.maximum(before, after), starts),
        }
    )
