# SPDX-License-Identifier: GPL-2.0-only
"""The kernel function that dropped the last reference to the data of each completion that could not be merged."""

import re
from collections import Counter

import numpy as np
import pandas as pd

from zcprobe.analysis.completions import iterate_completions
from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run

__all__ = ["LATE_COMPLETIONS_DTYPES", "UNKNOWN_HOLDER", "df_late_completions", "last_holder", "late_holders"]

LATE_COMPLETIONS_DTYPES = {
    "holder": "object",
    "appended_count": "int64",
    "out_of_order_count": "int64",
    "late_count": "int64",
}

UNKNOWN_HOLDER = "(not seen)"
"""The holder when no stack was stored, or when the reader's own error report was the first to see the new tail."""

_FREEING = re.compile(
    r"sk_error_report|_*msg_zerocopy_\w+|skb_release_\w+|_*k?free_skb\w*|consume_skb|_*consume_stateless_skb"
    r"|napi_consume_skb|sk_skb_reason_drop|kfree_skb\w*|_*dev_kfree_skb\w*|tcp_wmem_free_skb|skb_zcopy\w*"
    r"|(_*bpf_trace|call_trace|trace_call|_*traceiter)\w*"
)
"""Frames between the last reference and the probe. They show that an skb was freed, not who held it."""


def last_holder(frames: list[str]) -> str:
    """The innermost frame that is not a freeing function, without offset and compiler suffix."""
    names = [frame.split("+")[0].split(".")[0] for frame in frames]
    for position, name in enumerate(names):
        if not _FREEING.fullmatch(name):
            completing = any("msg_zerocopy" in inner for inner in names[:position])
            return name if completing else UNKNOWN_HOLDER
    return UNKNOWN_HOLDER


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
