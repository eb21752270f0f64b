# SPDX-License-Identifier: GPL-2.0-only
"""Every flush, which is a reading of the error queue: what started it, how long it took, and what it read."""

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["FLUSHES_DTYPES", "FlushLengths", "df_flushes", "flush_lengths", "joined"]

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

_LENGTHS = ("duration_ns", "blocking")


def df_flushes(run: Run) -> pd.DataFrame:
    """One row per flush, in time order.

    Columns: time_s (float64, start of the flush, since the first send began); channel (int64); trigger (str, as in
    docs/run-format.md: `enobufs`, `explicit`, `settle`, `periodic`, `reuse`); duration_ns (int64); notification_count,
    completion_count (int64, errqueue messages read and sends they cover); wait_count (int64, poll calls); blocking
    (bool, whether the flush waited for notifications that were not there yet).
    """
    names = [name for name in FLUSHES_DTYPES if name != "time_s"]
    flushes = run.read("flushes", ["start_ns", *names])
    if flushes.empty:
        return empty_frame(FLUSHES_DTYPES)
    flushes = flushes.sort_values("start_ns", kind="stable", ignore_index=True)
    flushes.insert(0, "time_s", seconds(run, flushes["start_ns"]))
    return flushes[list(FLUSHES_DTYPES)].astype(FLUSHES_DTYPES)


class FlushLengths(msgspec.Struct, frozen=True):
    """Flushes of one trigger, each channel's in time order: how long each took, and whether it waited."""

    duration_ns: NDArray[np.int64]
    blocking: NDArray[np.bool_]


def joined(lengths: list[FlushLengths]) -> FlushLengths:
    """All of `lengths`, of which there must be at least one, as one."""
    return FlushLengths(*(np.concatenate([getattr(own, name) for own in lengths]) for name in _LENGTHS))


def flush_lengths(run: Run) -> dict[str, FlushLengths]:
    """Trigger -> its flushes, in the order in which the triggers first occur. Takes less memory than `df_flushes`."""
    parts: dict[str, list[FlushLengths]] = {}
    for flushes in run.iterate("flushes", ["trigger", *_LENGTHS]):
        for trigger in flushes["trigger"].unique():
            own = flushes[flushes["trigger"] == trigger]
            parts.setdefault(str(trigger), []).append(FlushLengths(*(own[name].to_numpy() for name in _LENGTHS)))
    return {trigger: joined(lengths) for trigger, lengths in parts.items()}
