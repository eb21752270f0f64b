"""Who dropped the last reference to the data of a completion that could not be merged."""

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.channels import channel_numbers
from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run

__all__ = [
    "LATE_COMPLETIONS_DTYPES",
    "UNKNOWN_HOLDER",
    "completed_ranges",
    "df_late_completions",
    "last_holder",
    "widen",
]

LATE_COMPLETIONS_DTYPES = {
    "holder": "object",
    "appended_count": "int64",
    "out_of_order_count": "int64",
    "late_count": "int64",
}

UNKNOWN_HOLDER = "(not seen)"
"""No stack was stored, or the reader's own error report was the first to see the new tail."""

_FREEING = re.compile(
    r"sk_error_report|_*msg_zerocopy_\w+|skb_release_\w+|_*k?free_skb\w*|consume_skb|_*consume_stateless_skb"
    r"|napi_consume_skb|sk_skb_reason_drop|kfree_skb\w*|_*dev_kfree_skb\w*|tcp_wmem_free_skb|skb_zcopy\w*"
    r"|(_*bpf_trace|call_trace|trace_call|_*traceiter)\w*"
)
"""Frames between the last reference and the probe: they say that an skb was freed, not who held it."""


def last_holder(frames: list[str]) -> str:
    """The first frame, innermost first, that is none of the freeing functions; offset and compiler suffix removed."""
    names = [frame.split("+")[0].split(".")[0] for frame in frames]
    for position, name in enumerate(names):
        if not _FREEING.fullmatch(name):
            completing = any("msg_zerocopy" in inner for inner in names[:position])
            return name if completing else UNKNOWN_HOLDER
    return UNKNOWN_HOLDER


def df_late_completions(run: Run) -> pd.DataFrame:
    """One row per last holder, most notifications first.

    Columns: holder (str, kernel function that dropped the last reference); appended_count (int64, notifications that
    found no neighbour at the queue's tail and became an entry of their own); out_of_order_count (int64, those whose
    range does not begin right after the highest send completed so far); late_count (int64, those of them that lie below
    it: a hole is filled late; the others skip a hole).

    A completion in order is appended too when the queue is empty or its tail carries another COPIED bit. Merged
    completions have no stack. Empty without probes.
    """
    events = run.read("kernel_events", ["time_ns", "cookie", "kind", "lo", "hi", "stack_id"])
    completed = events[events["kind"].isin(["appended", "merged"])]
    if completed.empty:
        return empty_frame(LATE_COMPLETIONS_DTYPES)
    # each socket counts its sends for itself
    completed = completed.assign(channel=channel_numbers(run, completed["cookie"]))
    tables = [_classified(run, own) for _, own in completed.groupby("channel")]
    counts = pd.concat(tables).groupby("holder", as_index=False).sum()
    ordered = counts.sort_values(["appended_count", "holder"], ascending=[False, True], ignore_index=True)
    return ordered.astype(LATE_COMPLETIONS_DTYPES)


def _classified(run: Run, completed: pd.DataFrame) -> pd.DataFrame:
    """One row per appended notification of one channel, with ones and zeros to add up."""
    completed = completed.sort_values("time_ns", kind="stable")
    lo, before = completed_ranges(completed)
    appended = (completed["kind"] == "appended").to_numpy()
    holders = {stack_id: last_holder(frames) for stack_id, frames in run.stacks.items()}
    table = pd.DataFrame(
        {
            "holder": completed["stack_id"].map(holders).fillna(UNKNOWN_HOLDER).astype("object"),
            "appended_count": 1,
            "out_of_order_count": lo != before + 1,
            "late_count": lo <= before,
        }
    )
    return table[appended]


def completed_ranges(completed: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(lo of each event of one channel, highest send completed before it), sk_zckey's 32 bits widened to 64."""
    lo: NDArray[np.int64] = widen(completed["lo"].to_numpy())
    length = (completed["hi"].to_numpy() - completed["lo"].to_numpy()).astype(np.int64)
    highest = np.maximum.accumulate(lo + length)
    before = np.concatenate([np.array([-1], dtype=np.int64), highest[:-1]])
    return lo, before


def widen(ids: NDArray[Any]) -> NDArray[np.int64]:
    """Consecutive ids are never 2^31 apart, so the signed 32-bit difference tells the direction."""
    steps = np.diff(ids.astype(np.uint32)).astype(np.int32).astype(np.int64)
    return np.concatenate([[int(ids[0])], int(ids[0]) + np.cumsum(steps)]).astype(np.int64)
