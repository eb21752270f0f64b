# SPDX-License-Identifier: GPL-2.0-only
"""How many completions were really copied, compared with what the notifications told the sender."""

from collections.abc import Sequence
from typing import get_args

import pandas as pd

from zcprobe.analysis.timebase import empty_frame
from zcprobe.config import FlushVariant
from zcprobe.dataset.load import Run

__all__ = ["COPIED_DTYPES", "FLUSH_VARIANTS", "df_copied"]

FLUSH_VARIANTS = get_args(FlushVariant)

COPIED_DTYPES = {
    "policy": "object",
    "scenario": "object",
    "run": "object",
    "completions": "int64",
    "told_count": "int64",
    "true_count": "Int64",
    "flush_count": "Int64",
    "missed_all_copied_count": "Int64",
    "missed_sticky_count": "Int64",
    "missed_any_copied_count": "Int64",
}


def df_copied(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run, in the order given.

    Columns: policy, scenario, run (str); completions (int64, read by the sender); told_count (int64, completions under
    a notification with the COPIED code); true_count (Int64, completions whose own data the kernel copied, which can
    differ because a merged notification keeps the code of its first uarg; NA without probes); flush_count (Int64,
    explicit flushes); missed_all_copied_count, missed_sticky_count, missed_any_copied_count (Int64, how many of these
    flushes each meaning of flush() == 1 counts as a miss; NA in older runs).
    """
    rows = [_row(run) for run in runs]
    if not rows:
        return empty_frame(COPIED_DTYPES)
    table = pd.DataFrame(rows, columns=list(COPIED_DTYPES))
    return table.astype(COPIED_DTYPES)


def _row(run: Run) -> dict[str, object]:
    sender = run.sender
    variants = sender.missed_by_variant or {}
    return {
        "policy": run.policy,
        "scenario": run.scenario,
        "run": run.name,
        "completions": sender.completions,
        "told_count": sender.copied_completions,
        "true_count": run.kernel.true_copied_completions,
        "flush_count": sender.flush_count,
        **{f"missed_{variant.replace('-', '_')}_count": variants.get(variant) for variant in FLUSH_VARIANTS},
    }
