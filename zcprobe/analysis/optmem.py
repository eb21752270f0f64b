# SPDX-License-Identifier: GPL-2.0-only
"""The headroom of a socket's optmem: how much is left below the limit, and who holds the rest."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.channels import channel_count
from zcprobe.analysis.enobufs import first_enobufs
from zcprobe.analysis.errqueue import df_errqueue, iterate_levels
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


def df_optmem(run: Run, channel: int | None = None, edges_s: NDArray[np.float64] | None = None) -> pd.DataFrame:
    """One row per reading, in time order, of one channel or of all. `edges_s` reduces the rows as in `df_errqueue`.

    Columns: time_s (float64, since the first send began); channel (int64); unread_bytes and in_flight_bytes (Int64,
    charges by holder, NA without probes); optmem_bytes (int64, level); headroom_bytes (int64, limit less level; the
    kernel refuses a charge when fewer than 576 bytes are left, and may overshoot the limit by less than a charge, so
    the headroom can be negative).
    """
    levels = df_errqueue(run, edges_s)
    if channel is not None:
        levels = levels[levels["channel"] == channel].reset_index(drop=True)
    if levels.empty:
        return empty_frame(OPTMEM_DTYPES)
    levels["headroom_bytes"] = int(run.kernel.optmem_max_bytes) - levels["optmem_bytes"]
    return levels[list(OPTMEM_DTYPES)].astype(OPTMEM_DTYPES)


def telling_channel(run: Run) -> int:
    """The channel to show when there is room for only one: the first that met ENOBUFS, or without ENOBUFS the one with
    the highest level."""
    if channel_count(run) == 1:
        return 0
    refused = first_enobufs(run)
    if refused is not None:
        return int(refused["channel"])
    highest, telling = -1, 0
    for levels in iterate_levels(run):
        level = levels["optmem_bytes"].to_numpy()
        if level.max(initial=-1) > highest:
            highest, telling = int(level.max()), int(levels["channel"].to_numpy()[level.argmax()])
    return telling
