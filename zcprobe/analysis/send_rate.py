# SPDX-License-Identifier: GPL-2.0-only
"""How much the sockets took over a run's time, and when calls were refused or data was copied on purpose."""

import numpy as np
import pandas as pd

from zcprobe.analysis.timebase import empty_frame, origin_ns
from zcprobe.dataset.load import Run

__all__ = ["SEND_RATE_DTYPES", "df_send_rate"]

SEND_RATE_DTYPES = {
    "time_s": "float64",
    "span_s": "float64",
    "taken_bps": "float64",
    "send_count": "int64",
    "enobufs_count": "int64",
    "copied_on_purpose_count": "int64",
}

_COLUMNS = ["start_ns", "latency_ns", "taken_bytes", "enobufs_count", "copied_on_purpose"]


def df_send_rate(run: Run, buckets: int = 200) -> pd.DataFrame:
    """One row for each of `buckets` equal spans of the run until its outcome, all channels together. The table of sends
    is read in chunks.

    Columns: time_s (float64, beginning of the span, since the first send began); span_s (float64, length of the span);
    taken_bps (float64, bits per second that the sockets took, whether or not they arrived); send_count, enobufs_count,
    copied_on_purpose_count (int64). A send belongs to the span in which its last call returned. The table is empty when
    sends were not recorded.
    """
    first_ns = origin_ns(run)
    span_ns = max(-(-int(run.sender.duration_ns) // buckets), 1)
    totals = np.zeros((4, buckets))
    rows = 0
    for chunk in run.iterate("sends", _COLUMNS):
        end_ns = (chunk["start_ns"] + chunk["latency_ns"]).to_numpy()
        index = np.clip((end_ns - first_ns) // span_ns, 0, buckets - 1)
        weights = (chunk["taken_bytes"], None, chunk["enobufs_count"], chunk["copied_on_purpose"])
        for total, weight in zip(totals, weights, strict=True):
            total += np.bincount(index, weights=weight, minlength=buckets)
        rows += len(chunk)
    if not rows:
        return empty_frame(SEND_RATE_DTYPES)
    table = {
        "time_s": np.arange(buckets) * span_ns / 1e9,
        "span_s": span_ns / 1e9,
        "taken_bps": totals[0] * 8e9 / span_ns,
        "send_count": totals[1],
        "enobufs_count": totals[2],
        "copied_on_purpose_count": totals[3],
    }
    return pd.DataFrame(table).astype(SEND_RATE_DTYPES)
