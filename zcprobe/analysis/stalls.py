# SPDX-License-Identifier: GPL-2.0-only
"""Stalls: the time a write waits inside its policy."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["STALLS_DTYPES", "df_stalls", "first_stall", "stall_lengths", "stall_spans"]

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

    Columns: time_s (float64, start of the stall, since the first send began); channel (int64); duration_ns (int64,
    failed attempts in between included); notification_count and completion_count (int64, errqueue messages read
    meanwhile and sends they cover); enobufs_count (int64, ENOBUFS that the write met; 0 where the policy waited before
    one could happen).
    """
    stalls = run.read("stalls", ["start_ns", *_KEPT])
    if stalls.empty:
        return empty_frame(STALLS_DTYPES)
    table = stalls[_KEPT].copy()
    table.insert(0, "time_s", seconds(run, stalls["start_ns"]))
    return table.astype(STALLS_DTYPES).sort_values("time_s", ignore_index=True)


def stall_lengths(run: Run) -> NDArray[np.int64]:
    """duration_ns of every stall, ascending."""
    return np.sort(run.read("stalls", ["duration_ns"])["duration_ns"].to_numpy())


def first_stall(run: Run, channel: int | None = None) -> "pd.Series[Any] | None":
    """The row of the table stalls that began first, of one channel or of all; None without stalls."""
    firsts = []
    for part in run.iterate("stalls"):
        own = part if channel is None else part[part["channel"] == channel]
        if len(own):
            firsts.append(own.iloc[int(own["start_ns"].to_numpy().argmin())])
    return min(firsts, key=lambda row: int(row["start_ns"]), default=None)


def stall_spans(run: Run, end_s: float, channel: int | None = None, cells: int = 1000) -> list[tuple[float, float]]:
    """(beginning, length) in seconds of each stall that begins before `end_s`. A length is at least `end_s / cells`.

    When there are more stalls than `cells`, they are rounded to a grid of `cells` parts of the time, and neighbours
    become one."""
    few = np.empty((0, 2))
    covered = np.zeros(cells + 1, np.int64)
    for part in run.iterate("stalls", ["start_ns", "duration_ns", "channel"]):
        own = part if channel is None else part[part["channel"] == channel]
        begin = seconds(run, own["start_ns"]).to_numpy()
        length = np.maximum(own["duration_ns"].to_numpy() / 1e9, end_s / cells)[begin < end_s]
        begin = begin[begin < end_s]
        if len(few) <= cells:
            few = np.concatenate([few, np.column_stack([begin, length])])
        scale = cells / end_s
        np.add.at(covered, (begin * scale).astype(np.int64).clip(0, cells - 1), 1)
        np.add.at(covered, np.ceil((begin + length) * scale).astype(np.int64).clip(1, cells), -1)
    if len(few) <= cells:
        return [(float(begin), float(length)) for begin, length in few]
    steps = np.diff((np.cumsum(covered) > 0).astype(np.int64), prepend=0)
    begins, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    width = end_s / cells
    return [(begin * width, (end - begin) * width) for begin, end in zip(begins, ends, strict=True)]
