# SPDX-License-Identifier: GPL-2.0-only
"""How well the notifications of each run merged. Notifications out of order cannot merge, and each holds a charge."""

from collections.abc import Sequence

import pandas as pd

from zcprobe.analysis.ranges import iterate_ranges
from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run

__all__ = ["MERGES_DTYPES", "df_merges"]

MERGES_DTYPES = {
    "policy": "object",
    "scenario": "object",
    "run": "object",
    "completions": "int64",
    "notifications": "int64",
    "sends_per_notification": "float64",
    "out_of_order_count": "Int64",
    "farthest_skip": "Int64",
    "farthest_back": "Int64",
    "merged_count": "Int64",
}


def df_merges(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run, in the order given.

    Columns: policy, scenario, run (str); completions, notifications (int64, read by the sender); sends_per_notification
    (float64, completions to notifications; NaN when nothing was read); out_of_order_count (Int64, notifications that do
    not begin right after the highest send completed before them); farthest_skip, farthest_back (Int64, sends: the
    largest hole that was left, and the farthest distance back at which a hole was filled); merged_count (Int64, uargs
    that the kernel merged into the queue's tail; NA without probes). out_of_order_count, farthest_skip and
    farthest_back are NA when notifications were not recorded.
    """
    rows = [_row(run) for run in runs]
    if not rows:
        return empty_frame(MERGES_DTYPES)
    return pd.DataFrame(rows, columns=list(MERGES_DTYPES)).astype(MERGES_DTYPES)


def _row(run: Run) -> dict[str, object]:
    sender, known = run.sender, False
    out_of_order, farthest_skip, farthest_back = 0, 0, 0
    for part in iterate_ranges(run):
        distance, known = part["distance"].to_numpy(), True
        out_of_order += int((distance != 0).sum())
        farthest_skip = max(farthest_skip, int(distance.max()))
        farthest_back = max(farthest_back, -int(distance.min()))
    read = sender.notifications
    merged = run.kernel.merged_notifications
    return {
        "policy": run.policy,
        "scenario": run.scenario,
        "run": run.name,
        "completions": sender.completions,
        "notifications": read,
        "sends_per_notification": sender.completions / read if read else float("nan"),
        "out_of_order_count": out_of_order if known else pd.NA,
        "farthest_skip": farthest_skip if known else pd.NA,
        "farthest_back": farthest_back if known else pd.NA,
        "merged_count": pd.NA if merged is None else merged,
    }
