# SPDX-License-Identifier: GPL-2.0-only
"""How long each send held its pages: until the kernel completed it, and until the sender read the notification."""

from collections.abc import Iterator

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.completions import iterate_completions
from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["COMPLETION_LATENCY_DTYPES", "df_completion_latency", "iterate_completion_latency"]

COMPLETION_LATENCY_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "send_id": "int64",
    "latency_ns": "float64",
    "kernel_latency_ns": "float64",
}


class _Covering(msgspec.Struct, frozen=True):
    """Ranges of sends, sorted by `lo`, and the time in ns at which each was completed."""

    lo: NDArray[np.int64]
    hi: NDArray[np.int64]
    time_ns: NDArray[np.int64]


def df_completion_latency(run: Run) -> pd.DataFrame:
    """One row per send; each channel's rows are in the order of their ids.

    Columns: time_s (float64, start of the send, since the first send began); channel, send_id (int64); latency_ns
    (float64, from the start until the notification that covers the send was read; NaN when none was read);
    kernel_latency_ns (float64, from the start until the kernel gave up the pages; NaN where no event says when, that is
    without probes and for some completions that came at the same instant as another). The start of a send that met
    ENOBUFS lies before its stall.
    """
    parts = list(iterate_completion_latency(run))
    return pd.concat(parts, ignore_index=True) if parts else empty_frame(COMPLETION_LATENCY_DTYPES)


def iterate_completion_latency(run: Run) -> Iterator[pd.DataFrame]:
    """The rows of `df_completion_latency` in parts. Only the completed ranges are in memory all at once."""
    names = ["lo", "hi", "time_ns"]
    read = _by_channel([part[[*names, "channel"]] for part in run.iterate("notifications")])
    completed = _by_channel([part[[*names, "channel"]] for part in iterate_completions(run)])
    for sends in run.iterate("sends", ["send_id", "start_ns", "channel"]):
        for channel, own in sends[sends["send_id"] >= 0].groupby("channel"):
            ids, start_ns = own["send_id"].to_numpy(), own["start_ns"].to_numpy()
            table = {
                "time_s": seconds(run, own["start_ns"]),
                "channel": channel,
                "send_id": ids,
                "latency_ns": _until(ids, start_ns, read.get(int(str(channel)))),
                "kernel_latency_ns": _until(ids, start_ns, completed.get(int(str(channel)))),
            }
            yield pd.DataFrame(table).astype(COMPLETION_LATENCY_DTYPES)


def _by_channel(parts: list[pd.DataFrame]) -> dict[int, _Covering]:
    """The ranges of each channel. Empties `parts`, because they may take much memory."""
    channels = {int(channel) for part in parts for channel in part["channel"].unique()}
    ranges = {}
    for channel in channels:
        columns = [
            np.concatenate([part.loc[part["channel"] == channel, name].to_numpy() for part in parts])
            for name in ("lo", "hi", "time_ns")
        ]
        if (np.diff(columns[0]) < 0).any():
            order = np.argsort(columns[0], kind="stable")
            columns = [column[order] for column in columns]
        ranges[channel] = _Covering(*columns)
    parts.clear()
    return ranges


def _until(ids: NDArray[np.int64], start_ns: NDArray[np.int64], covering: _Covering | None) -> NDArray[np.float64]:
    """Nanoseconds from each start to the time of the range that covers its id; NaN for an id in no range."""
    if covering is None:
        return np.full(len(ids), np.nan)
    at = np.searchsorted(covering.lo, ids, side="right") - 1
    covered = (at >= 0) & (covering.hi[at] >= ids)
    return np.where(covered, (covering.time_ns[at] - start_ns).astype(np.float64), np.nan)
