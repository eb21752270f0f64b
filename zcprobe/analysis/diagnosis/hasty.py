# SPDX-License-Identifier: GPL-2.0-only
"""The flushes of a run's sender, and those after an ENOBUFS that did not wait and whose retry was refused again."""

from collections import Counter

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.dataset.load import Run

__all__ = ["Flushes", "flushes_of"]


class Flushes(msgspec.Struct, kw_only=True):
    """The flushes of one channel but for those after the outcome. `waited`: those with a poll call.
    `empty_then_enobufs`: those after an ENOBUFS that had none and whose retry was refused again. `ns_max`: the length
    of the longest."""

    count: int = 0
    waited: int = 0
    empty_then_enobufs: int = 0
    ns_max: int = 0


def flushes_of(run: Run) -> dict[int, Flushes]:
    """Channel -> its flushes; a channel without any is missing. Both tables are read in parts, and only flushes after
    an ENOBUFS and writes that met more than one are kept."""
    found: dict[int, Flushes] = {}
    hasty = []
    for part in run.iterate("flushes", ["channel", "start_ns", "duration_ns", "wait_count", "trigger"]):
        flushes = part[part["trigger"] != "settle"]
        for channel in _channels(flushes):
            _add(found.setdefault(channel, Flushes()), flushes[flushes["channel"] == channel])
        hasty.append(flushes[(flushes["trigger"] == "enobufs") & (flushes["wait_count"] == 0)][["channel", "start_ns"]])
    for channel, count in _refused_again(run, pd.concat(hasty)).items() if hasty else ():
        found[channel].empty_then_enobufs = count
    return found


def _channels(table: pd.DataFrame) -> list[int]:
    return [int(channel) for channel in np.unique(table["channel"].to_numpy())]


def _add(flushes: Flushes, own: pd.DataFrame) -> None:
    flushes.count += len(own)
    flushes.waited += int((own["wait_count"] > 0).sum())
    flushes.ns_max = max(flushes.ns_max, int(own["duration_ns"].max()))


def _refused_again(run: Run, hasty: pd.DataFrame) -> dict[int, int]:
    """Channel -> its flushes in `hasty` after which the write met ENOBUFS again. A write with n of them had n - 1
    retries that were refused, so no more of its flushes count."""
    if hasty.empty:
        return {}
    times = {
        channel: np.sort(hasty.loc[hasty["channel"] == channel, "start_ns"].to_numpy()) for channel in _channels(hasty)
    }
    counts: Counter[int] = Counter()
    for part in run.iterate("sends", ["channel", "start_ns", "latency_ns", "enobufs_count"]):
        refused = part[part["enobufs_count"] > 1]
        for channel in times:
            counts[channel] += _count_within(times[channel], refused[refused["channel"] == channel])
    return dict(counts)


def _count_within(times_ns: NDArray[np.int64], sends: pd.DataFrame) -> int:
    begin = sends["start_ns"].to_numpy()
    first = np.searchsorted(times_ns, begin)
    behind = np.searchsorted(times_ns, begin + sends["latency_ns"].to_numpy(), side="right")
    return int(np.minimum(behind - first, sends["enobufs_count"].to_numpy().astype(np.int64) - 1).sum())
