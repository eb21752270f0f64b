# SPDX-License-Identifier: GPL-2.0-only
"""Causes of ENOBUFS over many runs; the cause optmem is split by who held most of it."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from zcprobe.analysis.alike import require_comparable
from zcprobe.analysis.enobufs import iterate_enobufs
from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run
from zcprobe.format.causes import CAUSES

__all__ = ["CAUSES_OF_ENOBUFS", "ENOBUFS_CAUSES_DTYPES", "causes_of", "df_enobufs_causes"]

CAUSES_OF_ENOBUFS = (
    "optmem, unread",
    "optmem, in flight",
    "optmem, holder not recorded",
    "memlock",
    *(cause for cause in CAUSES if cause != "optmem"),
    "unknown",
)
"""`optmem, unread`: unread notifications held at least half. `optmem, in flight`: sends in flight held more than half.
A run that kept only counts does not say who held it, and a run without probes does not know the cause."""

ENOBUFS_CAUSES_DTYPES = {"policy": "object", "cause": "object", "call_count": "int64", "run_count": "int64"}


def df_enobufs_causes(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per policy and cause that occurred, policies in the order of their first run.

    Columns: policy (str); cause (str, one of CAUSES_OF_ENOBUFS); call_count (int64, sendmsg calls of all the policy's
    runs that returned ENOBUFS for that cause); run_count (int64, runs in which that happened). UsageError for runs that
    were made in different ways.
    """
    require_comparable(runs, "one sum")
    counts = pd.DataFrame(
        [(run.policy, cause, count) for run in runs for cause, count in causes_of(run).items() if count],
        columns=["policy", "cause", "call_count"],
    )
    if counts.empty:
        return empty_frame(ENOBUFS_CAUSES_DTYPES)
    counted = counts.groupby(["policy", "cause"])["call_count"].agg(call_count="sum", run_count="size").reset_index()
    policies = list(dict.fromkeys(run.policy for run in runs))
    ordered = counted.sort_values(
        ["policy", "cause"],
        key=lambda column: column.map((policies if column.name == "policy" else CAUSES_OF_ENOBUFS).index),
        ignore_index=True,
    )
    return ordered.astype(ENOBUFS_CAUSES_DTYPES)


def causes_of(run: Run) -> Counter[str]:
    """Cause -> the number of calls of a run that were refused for it."""
    counts: Counter[str] = Counter()
    for part in iterate_enobufs(run):
        mostly_unread = (part["unread_bytes"] >= part["in_flight_bytes"]).fillna(value=False).astype(bool)
        holder = mostly_unread.map({True: "optmem, unread", False: "optmem, in flight"})
        counts.update(Counter(part["cause"].where(part["cause"] != "optmem", holder)))
    return counts if counts.total() >= run.sender.enobufs_count else _counted(run)


def _counted(run: Run) -> Counter[str]:
    """The number of calls by cause, for a run that kept only counts."""
    counts = run.kernel.enobufs_causes
    if counts is None:
        return Counter({"unknown": int(run.sender.enobufs_count)})
    names = {"optmem": "optmem, holder not recorded"}
    return Counter({names.get(cause, cause): count for cause, count in counts.items()})
