"""The headroom of a socket's optmem: how far the limit is, and who holds the rest."""

import pandas as pd

from zcprobe.analysis.enobufs import df_enobufs
from zcprobe.analysis.errqueue import df_errqueue
from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run

__all__ = ["OPTMEM_DTYPES", "df_optmem", "telling_channel"]

OPTMEM_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "unread_bytes": "Int64",
    "in_flight_bytes": "Int64",
    "optmem_bytes": "int64",
    "headroom_bytes": "int64",
}


def df_optmem(run: Run, channel: int | None = None) -> pd.DataFrame:
    """One row per reading, in time order, of one channel or of all.

    Columns: time_s (float64, since the first send began); channel (int64); unread_bytes and in_flight_bytes (Int64, by
    holder, NA without probes); optmem_bytes (int64, level); headroom_bytes (int64, limit less level; the kernel refuses
    when fewer than 576 bytes are left, and may overshoot the limit by less than a charge, so it can be negative).
    """
    levels = df_errqueue(run)
    if channel is not None:
        levels = levels[levels["channel"] == channel].reset_index(drop=True)
    if levels.empty:
        return empty_frame(OPTMEM_DTYPES)
    levels["headroom_bytes"] = int(run.summary["optmem_max_bytes"]) - levels["optmem_bytes"]
    return levels[list(OPTMEM_DTYPES)].astype(OPTMEM_DTYPES)


def telling_channel(run: Run) -> int:
    """The channel to look at when there is room for one: the first that met ENOBUFS, else the one that came nearest."""
    refused = df_enobufs(run)
    if len(refused):
        return int(refused["channel"].iloc[0])
    levels = df_errqueue(run)
    return int(levels["channel"].to_numpy()[levels["optmem_bytes"].to_numpy().argmax()]) if len(levels) else 0
