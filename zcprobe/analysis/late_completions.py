# SPDX-License-Identifier: GPL-2.0-only
"""The kernel function that dropped the last reference to the data of each completion that could not be merged."""

from collections import Counter

import numpy as np
import pandas as pd

from zcprobe.analysis.completions import iterate_completions
from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run
from zcprobe.format.holders import UNKNOWN_HOLDER, last_holder

__all__ = ["LATE_COMPLETIONS_DTYPES", "df_late_completions", "late_holders"]

LATE_COMPLETIONS_DTYPES = {
    "holder": "object",
    "appended_count": "int64",
    "out_of_order_count": "int64",
    "late_count": "int64",
}


def df_late_completions(run: Run) -> pd.DataFrame:
    """One row per last holder, most notifications first.

    Columns: holder (str, kernel function that dropped the last reference); appended_count (int64, notifications that
    found no neighbour at the queue's tail and became an entry of their own); out_of_order_count (int64, appended ones
    whose range does not begin right after the highest send completed so far); late_count (int64, out-of-order ones that
    begin at or below that send and fill a hole late; the others skip a hole).

    A completion in order is also appended when the queue is empty or its tail carries a different COPIED bit. Merged
    completions have no stack. The table is empty without probes.
    """
    holders = {stack_id: last_holder(frames) for stack_id, frames in run.stacks.items()}
    tables = [_classified(part, holders) for part in iterate_completions(run)]
    if not tables:
        return empty_frame(LATE_COMPLETIONS_DTYPES)
    counts = pd.concat(tables).groupby("holder", as_index=False).sum()
    ordered = counts.sort_values(["appended_count", "holder"], ascending=[False, True], ignore_index=True)
    return ordered.astype(LATE_COMPLETIONS_DTYPES)


def late_holders(run: Run) -> dict[int, dict[str, int]]:
    """Channel -> last holder -> notifications that came out of order, for the holders that were seen."""
    holders = {stack_id: last_holder(frames) for stack_id, frames in run.stacks.items()}
    found: dict[int, Counter[str]] = {}
    for part in iterate_completions(run):
        late = part[part["is_appended"] & (part["lo"] != part["before"] + 1)]
        keys, counts = np.unique(late[["channel", "stack_id"]].to_numpy(), axis=0, return_counts=True)
        for (channel, stack_id), count in zip(keys.tolist(), counts.tolist(), strict=True):
            found.setdefault(channel, Counter())[holders.get(stack_id, UNKNOWN_HOLDER)] += count
    return {
        channel: {holder: count for holder, count in counts.most_common() if holder != UNKNOWN_HOLDER}
        for channel, counts in found.items()
    }


def _classified(completed: pd.DataFrame, holders: dict[int, str]) -> pd.DataFrame:
    """One row per holder with the counts of the completions in `completed`."""
    appended = completed[completed["is_appended"]]
    table = {
        "holder": appended["stack_id"].map(lambda stack: holders.get(stack, UNKNOWN_HOLDER)).astype("object"),
        "appended_count": 1,
        "out_of_order_count": appended["lo"] != appended["before"] + 1,
        "late_count": appended["lo"] <= appended["before"],
    }
    return pd.DataFrame(table).groupby("holder", as_index=False).sum()
