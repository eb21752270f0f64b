# SPDX-License-Identifier: GPL-2.0-only
"""Each ENOBUFS of a run with its cause and with what held optmem at that moment."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.channels import baseline_bytes, channel_numbers
from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run
from zcprobe.format.causes import enobufs_causes, split_charges

__all__ = [
    "ENOBUFS_DTYPES",
    "count_causes",
    "df_enobufs",
    "enobufs_moments",
    "first_enobufs",
    "first_rows",
    "group_enobufs",
    "iterate_enobufs",
]

ENOBUFS_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "cause": "object",
    "in_flight_bytes": "Int64",
    "unread_bytes": "Int64",
    "optmem_bytes": "int64",
    "optmem_max_bytes": "int64",
    "errqueue_depth": "Int64",
}


_COLUMNS = ["time_ns", "cookie", "kind", "candidates", "errqueue_depth", "optmem_bytes", "optmem_max_bytes"]


def df_enobufs(run: Run) -> pd.DataFrame:
    """One row per sendmsg call that returned ENOBUFS, in time order.

    Columns: time_s (float64, since the first send began); channel (int64); cause (str, one of
    `zcprobe.format.causes.CAUSES`, or `memlock` where it is not known on which path); in_flight_bytes, unread_bytes
    (Int64, charges by holder); optmem_bytes, optmem_max_bytes (int64, level and limit); errqueue_depth (Int64,
    notifications).

    Without probes the rows are the SO_MEMINFO samples taken right after each call; then the cause is `unknown`, and
    in_flight_bytes, unread_bytes and errqueue_depth are NA.
    """
    parts = list(iterate_enobufs(run))
    return pd.concat(parts, ignore_index=True) if parts else empty_frame(ENOBUFS_DTYPES)


def iterate_enobufs(run: Run) -> Iterator[pd.DataFrame]:
    """The rows of `df_enobufs` in order, a bounded number at a time, because a spinning sender meets millions. Yields
    nothing without ENOBUFS."""
    table, kind, build = ("kernel_events", "kind", _from_events) if run.row_count("kernel_events") else _SAMPLED
    if not any((chunk[kind] == "enobufs").any() for chunk in run.iterate(table, [kind])):
        return
    for where in run.spans((table,)):
        found = build(run, where)
        if len(found):
            yield found.astype(ENOBUFS_DTYPES)


def first_enobufs(run: Run, channel: int | None = None) -> "pd.Series[Any] | None":
    """The first row of `df_enobufs`, of one channel or of all; None when there is none."""
    for part in iterate_enobufs(run):
        own = part if channel is None else part[part["channel"] == channel]
        if len(own):
            return own.iloc[0]
    return None


def first_rows(run: Run, most: int) -> pd.DataFrame:
    """The first `most` rows of `df_enobufs`."""
    parts: list[pd.DataFrame] = []
    for part in iterate_enobufs(run):
        parts.append(part.head(most - sum(map(len, parts))))
        if sum(map(len, parts)) == most:
            break
    return pd.concat(parts, ignore_index=True) if parts else empty_frame(ENOBUFS_DTYPES)


def enobufs_moments(run: Run, end_s: float, channel: int | None = None, cells: int = 1000) -> NDArray[np.float64]:
    """Seconds, ascending, of the first ENOBUFS in each of `cells` equal parts of the time up to `end_s`."""
    first = np.full(cells, np.inf)
    for part in iterate_enobufs(run):
        own = part if channel is None else part[part["channel"] == channel]
        times = own["time_s"].to_numpy()
        times = times[(times >= 0) & (times < end_s)]
        np.minimum.at(first, (times * (cells / end_s)).astype(np.int64).clip(max=cells - 1), times)
    moments: NDArray[np.float64] = first[np.isfinite(first)]
    return moments


def count_causes(run: Run) -> dict[str, int]:
    """Cause -> number of calls, the most frequent cause first."""
    counts: Counter[str] = Counter()
    for part in iterate_enobufs(run):
        counts.update(Counter(part["cause"]))
    return dict(counts.most_common())


def group_enobufs(run: Run, most: int) -> pd.DataFrame:
    """At most `most` groups of consecutive calls. All groups but the last have the same number of calls, which is 1
    where there are no more calls than `most`.

    Columns: call_count (int64); in_flight_bytes, unread_bytes, optmem_bytes (float64, means over the group; the first
    two are NaN without probes); optmem_max_bytes (int64).
    """
    names = ["in_flight_bytes", "unread_bytes", "optmem_bytes"]
    total = sum(count_causes(run).values())
    size = max(-(-total // most), 1)
    calls = np.full(-(-total // size), size)
    calls[-1:] -= len(calls) * size - total
    sums = np.zeros((len(names), len(calls)))
    first = limit = 0
    for part in iterate_enobufs(run):
        group = (first + np.arange(len(part))) // size
        for column, name in zip(sums, names, strict=True):
            column += np.bincount(group, part[name].to_numpy(dtype=np.float64, na_value=np.nan), len(calls))
        first += len(part)
        limit = max(limit, int(part["optmem_max_bytes"].max()))
    means = {name: column / calls for name, column in zip(names, sums, strict=True)}
    return pd.DataFrame({"call_count": calls, **means, "optmem_max_bytes": limit})


def _from_events(run: Run, where: slice) -> pd.DataFrame:
    found = run.read("kernel_events", _COLUMNS, where)
    found = found[found["kind"] == "enobufs"].sort_values("time_ns", kind="stable")
    records = found.drop(columns="kind").to_records(index=False)
    channels = channel_numbers(run, found["cookie"])
    baselines = channels.map({channel: baseline_bytes(run, channel) for channel in channels.unique()}).to_numpy()
    in_flight, unread = split_charges(records, 0, int(run.kernel.charge_bytes))
    table = {
        "time_s": seconds(run, found["time_ns"]).to_numpy(),
        "channel": channels.to_numpy(),
        "cause": enobufs_causes(records),
        "in_flight_bytes": (in_flight - baselines).clip(min=0),
        "unread_bytes": unread,
        "optmem_bytes": found["optmem_bytes"].to_numpy(),
        "optmem_max_bytes": found["optmem_max_bytes"].to_numpy(),
        "errqueue_depth": found["errqueue_depth"].to_numpy(),
    }
    return pd.DataFrame(table)


def _from_meminfo(run: Run, where: slice) -> pd.DataFrame:
    samples = run.read("meminfo", ["time_ns", "channel", "optmem_bytes", "reason"], where)
    samples = samples[samples["reason"] == "enobufs"].sort_values("time_ns", kind="stable")
    table = {
        "time_s": seconds(run, samples["time_ns"]).to_numpy(),
        "channel": samples["channel"].to_numpy(),
        "cause": "unknown",
        "in_flight_bytes": pd.NA,
        "unread_bytes": pd.NA,
        "optmem_bytes": samples["optmem_bytes"].to_numpy(),
        "optmem_max_bytes": int(run.kernel.optmem_max_bytes),
        "errqueue_depth": pd.NA,
    }
    return pd.DataFrame(table)


_SAMPLED = ("meminfo", "reason", _from_meminfo)
"""Where to look without probes: the table, its column, and the function that makes rows of it."""
