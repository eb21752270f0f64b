# SPDX-License-Identifier: GPL-2.0-only
"""What TCP knew of the path of each channel, over a run's time."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.timebase import empty_frame, origin_ns, seconds
from zcprobe.dataset.downsample import envelope
from zcprobe.dataset.load import Run

__all__ = ["TCP_INFO_DTYPES", "df_tcp_info"]

TCP_INFO_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "rtt_ns": "int64",
    "rtt_var_ns": "int64",
    "rtt_min_ns": "int64",
    "cwnd_bytes": "int64",
    "delivery_rate_bps": "int64",
    "retransmit_count": "int64",
    "app_limited": "bool",
}

_COLUMNS = ["time_ns", *(name for name in TCP_INFO_DTYPES if name != "time_s")]
_DRAWN = ("rtt_ns", "cwnd_bytes", "delivery_rate_bps", "retransmit_count")
_SPAN_ROWS = 1 << 19


def df_tcp_info(run: Run, edges_s: NDArray[np.float64] | None = None) -> pd.DataFrame:
    """One row per sample of TCP_INFO, in time order; each row is about its own channel's connection.

    Columns: time_s (float64, since the first send began); channel (int64); rtt_ns (int64, smoothed round trip),
    rtt_var_ns (int64, its mean deviation), rtt_min_ns (int64, the lowest that TCP measured in the last minutes);
    cwnd_bytes (int64, congestion window); delivery_rate_bps (int64, bits per second at which the peer received data
    lately); retransmit_count (int64, segments sent again since the connection began); app_limited (bool, the rate was
    measured while the sender had nothing to send). 0 is a value that TCP did not know yet. The table is empty for runs
    without TCP, without records, and from before there were such samples.

    `edges_s` (float64, ascending seconds) bounds the number of rows whatever the length of the run: between two edges,
    each channel keeps only its first and last row and those where a quantity is lowest or highest.
    """
    parts = [run.read("tcp_info", _COLUMNS, where) for where in run.spans(("tcp_info",), _SPAN_ROWS)]
    if edges_s is not None:
        parts = [_thinned(part, edges_s * 1e9 + origin_ns(run)) for part in parts]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)
    if table.empty:
        return empty_frame(TCP_INFO_DTYPES)
    table = table.sort_values("time_ns", kind="stable", ignore_index=True)
    return table.assign(time_s=seconds(run, table["time_ns"]))[list(TCP_INFO_DTYPES)].astype(TCP_INFO_DTYPES)


def _thinned(part: pd.DataFrame, edges_ns: NDArray[np.float64]) -> pd.DataFrame:
    kept = []
    for _, own in part.groupby("channel"):
        own = own.sort_values("time_ns", kind="stable")
        kept.append(own.iloc[envelope(edges_ns, own["time_ns"].to_numpy(), *(own[name].to_numpy() for name in _DRAWN))])
    return pd.concat(kept, ignore_index=True) if kept else part
