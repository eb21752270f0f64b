# SPDX-License-Identifier: GPL-2.0-only
"""What an attachment saw of its sockets, interval by interval."""

import pandas as pd

from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["SAMPLES_DTYPES", "df_samples"]

SAMPLES_DTYPES = {
    "time_s": "float64",
    "socket": "int64",
    "sends_per_s": "float64",
    "sent_bps": "float64",
    "optmem_peak_bytes": "int64",
    "optmem_max_bytes": "int64",
    "in_flight_peak_bytes": "int64",
    "unread_peak_bytes": "int64",
    "errqueue_depth_max": "int64",
}

_SAME = [name for name in SAMPLES_DTYPES if name.endswith(("_bytes", "_max"))]


def df_samples(run: Run) -> pd.DataFrame:
    """One row per socket and interval of an attachment, in the order of time. It is empty for a run of our own.

    Columns: time_s (float64, end of the interval, since the first interval began); socket (int64, its number);
    sends_per_s (float64, zerocopy sends); sent_bps (float64, payload handed to the network for the first time, in bits
    per second; 0 for other protocols than TCP); optmem_peak_bytes, in_flight_peak_bytes, unread_peak_bytes,
    errqueue_depth_max (int64, each the highest of the looks of the interval); optmem_max_bytes (int64, the limit).
    """
    table = run.read("samples", ["time_ns", "interval_ns", "socket", "sends", "bytes_sent", *_SAME])
    if table.empty:
        return empty_frame(SAMPLES_DTYPES)
    interval_s = table["interval_ns"].clip(lower=1) / 1e9
    rates = {
        "time_s": seconds(run, table["time_ns"]),
        "socket": table["socket"],
        "sends_per_s": table["sends"] / interval_s,
        "sent_bps": table["bytes_sent"] * 8 / interval_s,
    }
    return pd.DataFrame({**rates, **{name: table[name] for name in _SAME}})[list(SAMPLES_DTYPES)].astype(SAMPLES_DTYPES)
