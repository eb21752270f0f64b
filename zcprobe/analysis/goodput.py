"""Goodput of each run."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run

__all__ = ["GOODPUT_DTYPES", "df_goodput"]

GOODPUT_DTYPES = {
    "policy": "object",
    "repeat": "int64",
    "run": "object",
    "outcome": "object",
    "bytes_sent": "int64",
    "duration_ns": "int64",
    "goodput_bps": "float64",
}


def df_goodput(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run, in the order given.

    Columns: policy (str); repeat (int64, counts from 1 within the policy); run (str, folder name); outcome (str);
    bytes_sent (int64); duration_ns (int64, until the outcome was known); goodput_bps (float64, bits the socket took per
    second of that duration). A run that died early has a goodput, but of a short unhindered start.
    """
    seen: Counter[str] = Counter()
    rows = []
    for run in runs:
        seen[run.policy] += 1
        summary = {name: run.summary[name] for name in ("outcome", "bytes_sent", "duration_ns", "goodput_bps")}
        rows.append({"policy": run.policy, "repeat": seen[run.policy], "run": run.folder.name, **summary})
    if not rows:
        return empty_frame(GOODPUT_DTYPES)
    return pd.DataFrame(rows, columns=list(GOODPUT_DTYPES)).astype(GOODPUT_DTYPES)
