"""Causes of ENOBUFS over many runs, optmem told apart by who held most of it."""

from collections.abc import Sequence

import pandas as pd

from zcprobe.analysis.enobufs import df_enobufs
from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run
from zcprobe.probes.enobufs import CAUSES

__all__ = ["CAUSES_OF_ENOBUFS", "ENOBUFS_CAUSES_DTYPES", "df_enobufs_causes"]

CAUSES_OF_ENOBUFS = (
    "optmem, unread",
    "optmem, in flight",
    "optmem, holder not recorded",
    "memlock",
    *(cause for cause in CAUSES if cause != "optmem"),
    "unknown",
)
"""`optmem, unread`: notifications that nobody has read held at least half; else sends in flight did. A run that kept
only counts does not say which; one without probes says nothing."""

ENOBUFS_CAUSES_DTYPES = {"policy": "object", "cause": "object", "call_count": "int64", "run_count": "int64"}


def df_enobufs_causes(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per policy and cause that occurred, policies in the order of their first run.

    Columns: policy (str); cause (str, one of CAUSES_OF_ENOBUFS); call_count (int64, sendmsg calls of all the policy's
    runs that returned ENOBUFS for it); run_count (int64, runs in which that happened).
    """
    tables = [_caused(run) for run in runs]
    found = pd.concat(tables) if tables else empty_frame({"policy": "object", "cause": "object", "run": "object"})
    if found.empty:
        return empty_frame(ENOBUFS_CAUSES_DTYPES)
    counted = found.groupby(["policy", "cause"])["run"].agg(call_count="size", run_count="nunique").reset_index()
    policies = list(dict.fromkeys(run.policy for run in runs))
    ordered = counted.sort_values(
        ["policy", "cause"],
        key=lambda column: column.map((policies if column.name == "policy" else CAUSES_OF_ENOBUFS).index),
        ignore_index=True,
    )
    return ordered.astype(ENOBUFS_CAUSES_DTYPES)


def _caused(run: Run) -> pd.DataFrame:
    """A row for each ENOBUFS of a run: policy, run, cause."""
    refused = df_enobufs(run)
    if len(refused) < run.summary["enobufs_count"]:
        cause = pd.Series(_counted(run), dtype="object")
    else:
        mostly_unread = (refused["unread_bytes"] >= refused["in_flight_bytes"]).fillna(value=False).astype(bool)
        holder = mostly_unread.map({True: "optmem, unread", False: "optmem, in flight"})
        cause = refused["cause"].where(refused["cause"] != "optmem", holder)
    return pd.DataFrame({"policy": run.policy, "run": run.folder.name, "cause": cause})


def _counted(run: Run) -> list[str]:
    """Of a run that kept counts only."""
    counts = run.summary["enobufs_causes"]
    if counts is None:
        return ["unknown"] * int(run.summary["enobufs_count"])
    names = {"optmem": "optmem, holder not recorded"}
    return [names.get(cause, cause) for cause, count in counts.items() for _ in range(count)]
