# SPDX-License-Identifier: GPL-2.0-only
"""The error queue of each channel and the optmem it holds, over a run's time."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.channels import baseline_bytes, channel_numbers
from zcprobe.analysis.levels import LEVEL_KINDS, STILL_CHARGED
from zcprobe.analysis.timebase import empty_frame, origin_ns, seconds
from zcprobe.dataset.downsample import envelope
from zcprobe.dataset.load import Run

__all__ = ["ERRQUEUE_DTYPES", "df_errqueue", "iterate_levels"]

ERRQUEUE_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "errqueue_depth": "Int64",
    "optmem_bytes": "int64",
    "unread_bytes": "Int64",
    "in_flight_bytes": "Int64",
    "kind": "object",
}

_KIND = pd.CategoricalDtype([*LEVEL_KINDS, "meminfo"])
_EVENT_COLUMNS = ["time_ns", "cookie", "kind", "errqueue_depth", "optmem_bytes", "charge_bytes"]
_SPAN_ROWS = 1 << 19
_FEW_PER_SPAN = 4
"""All rows are kept when there are no more than this for each span."""


def df_errqueue(run: Run, edges_s: NDArray[np.float64] | None = None) -> pd.DataFrame:
    """One row per kernel event and per SO_MEMINFO sample, in time order; each row is about its own channel's socket.

    Columns: time_s (float64, since the first send began); channel (int64); errqueue_depth (Int64, notifications);
    optmem_bytes (int64, level after the event: the charge of a notification that is just being freed is taken off);
    unread_bytes and in_flight_bytes (Int64; their sum is the level above the baseline, and neither is ever negative,
    though the kernel changes depth and level one after the other); kind (str, kind of the kernel event, or `meminfo`).

    A send charges without an event of its own, so a rise shows at the next event or sample. A sample has only the
    level. The queue does not change between events, so the depth of a sample is that of the event before it. Without
    probes there are only samples, and depth and holders are NA.

    `edges_s` (float64, ascending seconds) bounds the number of rows whatever the length of the run: between two edges,
    and outside all of them, each channel keeps only its first and last row and those where either counter is lowest or
    highest. A short run keeps every row.
    """
    parts = iterate_levels(run)
    if edges_s is None:
        levels = _joined(list(parts))
    else:
        edges = edges_s * 1e9 + origin_ns(run)
        levels = _joined([_thinned(part, edges) for part in parts])
        levels = _thinned(levels, edges)
    if levels.empty:
        return empty_frame(ERRQUEUE_DTYPES)
    unread = levels["errqueue_depth"] * int(run.kernel.charge_bytes)
    baselines = {channel: baseline_bytes(run, channel) for channel in levels["channel"].unique()}
    levels["time_s"] = seconds(run, levels["time_ns"])
    levels["unread_bytes"] = unread
    levels["in_flight_bytes"] = (levels["optmem_bytes"] - levels["channel"].map(baselines) - unread).clip(lower=0)
    return levels[list(ERRQUEUE_DTYPES)].astype(ERRQUEUE_DTYPES)


def iterate_levels(run: Run) -> Iterator[pd.DataFrame]:
    """The rows of `df_errqueue` in order, a bounded number at a time.

    Columns: time_ns, channel (int64); errqueue_depth (float64, NaN without probes); optmem_bytes (int64); kind
    (category)."""
    has_events = run.row_count("kernel_events") > 0
    depths: dict[int, float] = {}
    for where in run.spans(("kernel_events", "meminfo"), _SPAN_ROWS):
        levels = pd.concat([_from_events(run, where), _from_meminfo(run, where)], ignore_index=True)
        levels = levels.sort_values("time_ns", kind="stable", ignore_index=True)
        if has_events and len(levels):
            depth = levels.groupby("channel")["errqueue_depth"].ffill()
            levels["errqueue_depth"] = depth.fillna(levels["channel"].map(depths).astype("float64")).fillna(0.0)
            last = levels.groupby("channel")["errqueue_depth"].last()
            depths.update(zip(last.index, last, strict=True))
        yield levels


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _thinned(levels: pd.DataFrame, edges_ns: NDArray[np.float64]) -> pd.DataFrame:
    if len(levels) <= _FEW_PER_SPAN * len(edges_ns):
        return levels
    kept = []
    channels = levels["channel"].to_numpy()
    for channel in np.unique(channels):
        rows = np.flatnonzero(channels == channel)
        own = levels.iloc[rows]
        counters = own["optmem_bytes"].to_numpy(), own["errqueue_depth"].fillna(0.0).to_numpy()
        kept.append(rows[envelope(edges_ns, own["time_ns"].to_numpy(), *counters)])
    return levels.iloc[np.sort(np.concatenate(kept))].reset_index(drop=True)


def _from_events(run: Run, where: slice) -> pd.DataFrame:
    events = run.read("kernel_events", _EVENT_COLUMNS, where)
    events = events[events["kind"].isin(LEVEL_KINDS)]
    kind = events["kind"].astype(_KIND)
    freed = events["charge_bytes"].astype("int64").where(kind.isin(STILL_CHARGED), 0)
    table = {
        "time_ns": events["time_ns"],
        "channel": channel_numbers(run, events["cookie"]),
        "errqueue_depth": events["errqueue_depth"].astype("float64"),
        "optmem_bytes": events["optmem_bytes"].astype("int64") - freed,
        "kind": kind,
    }
    return pd.DataFrame(table)


def _from_meminfo(run: Run, where: slice) -> pd.DataFrame:
    samples = run.read("meminfo", ["time_ns", "channel", "optmem_bytes"], where)
    table = {
        "time_ns": samples["time_ns"],
        "channel": samples["channel"].astype("int64"),
        "errqueue_depth": np.nan,
        "optmem_bytes": samples["optmem_bytes"].astype("int64"),
        "kind": pd.Categorical.from_codes(np.full(len(samples), len(LEVEL_KINDS)), dtype=_KIND),
    }
    return pd.DataFrame(table, index=samples.index)
