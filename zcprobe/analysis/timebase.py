# SPDX-License-Identifier: GPL-2.0-only
"""One clock for all of a run's tables: seconds since its first send began."""

import pandas as pd

from zcprobe.dataset.attachment import Attachment
from zcprobe.dataset.load import Run

__all__ = ["empty_frame", "origin_ns", "outcome_time_s", "seconds"]


def origin_ns(run: Run) -> int:
    """CLOCK_MONOTONIC ns at which the first send of all channels began.

    The metadata holds it. For runs made before channels existed it is taken from the recorded sends. Without recorded
    sends it is the moment of the outcome less the run's duration, where the moment of the outcome is that of the
    ENOBUFS that ended the run, or of the last notification read; this is a few µs off. 0 when there are no events
    either. For an attachment it is when its first interval began.
    """
    if isinstance(run, Attachment):
        samples = run.read("samples", ["time_ns", "interval_ns"])
        return int((samples["time_ns"] - samples["interval_ns"]).min()) if len(samples) else 0
    starts = [channel.start_ns for channel in run.meta.channels if channel.start_ns is not None]
    if starts:
        return int(min(starts))
    sends = run.read("sends", ["start_ns"])
    if len(sends):
        return int(sends["start_ns"].iloc[0])
    last = "enobufs" if run.sender.outcome == "dead_enobufs" else "read"
    events = run.read("kernel_events", ["time_ns", "kind"])
    moments = events.loc[events["kind"] == last, "time_ns"]
    return int(moments.max()) - int(run.sender.duration_ns) if len(moments) else 0


def seconds(run: Run, time_ns: "pd.Series[int]") -> "pd.Series[float]":
    """`time_ns` (int64, CLOCK_MONOTONIC) as float64 seconds since the first send began."""
    return (time_ns.astype("int64") - origin_ns(run)) / 1e9


def outcome_time_s(run: Run, channel: int | None = None) -> float:
    """When the outcome of the run, or of one channel, was known, in seconds. By then the last send and the final flush
    are over, and settling is not."""
    channels = run.meta.channels
    end_ns = channels[channel].end_ns if channel is not None and channel < len(channels) else None
    if end_ns is None:
        return run.sender.duration_ns / 1e9
    return (end_ns - origin_ns(run)) / 1e9


def empty_frame(dtypes: dict[str, str]) -> pd.DataFrame:
    """A table without rows that has the columns and types of `dtypes`."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})
