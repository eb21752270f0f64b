# SPDX-License-Identifier: GPL-2.0-only
"""Completions in the order in which the kernel made them, each with the highest send completed before it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.channels import channel_numbers
from zcprobe.dataset.load import Run

__all__ = ["iterate_completions"]

_COLUMNS = ["time_ns", "cookie", "kind", "lo", "hi", "stack_id"]
_SPAN_ROWS = 1 << 19


def iterate_completions(run: Run) -> Iterator[pd.DataFrame]:
    """One row per `appended` and `merged` event, in time order, a bounded number at a time. Yields nothing without
    probes.

    Columns: time_ns, channel (int64); lo, hi (int64, range of sends, sk_zckey's 32 bits widened to 64); before (int64,
    highest send of the channel completed earlier, -1 when there is none); is_appended (bool); stack_id (int32).
    """
    last: dict[int, tuple[int, int]] = {}
    for where in run.spans(("kernel_events",), _SPAN_ROWS):
        events = run.read("kernel_events", _COLUMNS, where)
        events = events[events["kind"].isin(["appended", "merged"])].sort_values("time_ns", kind="stable")
        channels = channel_numbers(run, events["cookie"]).to_numpy()
        # Each socket has its own counter of sends.
        for channel in np.unique(channels):
            own = events[channels == channel]
            table = _widened(own, int(channel), *last.get(int(channel), (int(own["lo"].iloc[0]), -1)))
            last[int(channel)] = int(table["lo"].iloc[-1]), int(table[["hi", "before"]].to_numpy()[-1].max())
            yield table


def _widened(events: pd.DataFrame, channel: int, last_lo: int, highest: int) -> pd.DataFrame:
    """The rows of one channel. `last_lo` and `highest` are the widened last `lo` and highest `hi` before `events`."""
    lo = _widen(events["lo"].to_numpy(), last_lo)
    hi = lo + (events["hi"].to_numpy() - events["lo"].to_numpy()).astype(np.int64)
    table = {
        "time_ns": events["time_ns"].to_numpy(),
        "channel": channel,
        "lo": lo,
        "hi": hi,
        "before": np.maximum.accumulate(np.concatenate([[highest], hi[:-1]])),
        "is_appended": (events["kind"] == "appended").to_numpy(),
        "stack_id": events["stack_id"].to_numpy(),
    }
    return pd.DataFrame(table)


def _widen(ids: NDArray[np.uint32], last: int) -> NDArray[np.int64]:
    """The 32-bit `ids` as 64-bit ids that follow `last`. Consecutive ids are never 2^31 apart, so the sign of their
    32-bit difference is the direction."""
    before = np.concatenate([np.array([last & 0xFFFFFFFF], dtype=np.uint32), ids[:-1].astype(np.uint32)])
    steps = (ids.astype(np.uint32) - before).astype(np.int32).astype(np.int64)
    widened: NDArray[np.int64] = last + np.cumsum(steps)
    return widened
