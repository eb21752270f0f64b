# SPDX-License-Identifier: GPL-2.0-only
"""The goodput of each run, and what it was computed from."""

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
    "bytes_received": "Int64",
    "bytes_missing": "Int64",
    "datagrams_sent": "Int64",
    "datagrams_received": "Int64",
    "datagrams_missing": "Int64",
    "duration_ns": "int64",
    "goodput_bps": "float64",
}

_SAME_NAME = [name for name in GOODPUT_DTYPES if name not in ("policy", "repeat", "run", "bytes_received")]


def df_goodput(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run, in the order given.

    Columns: policy (str); repeat (int64, counts from 1 within the policy); run (str, folder name); outcome (str);
    bytes_sent (int64, taken by the sockets); bytes_received, bytes_missing (Int64, at the sink; NA where it did not
    report); datagrams_sent, datagrams_received, datagrams_missing (Int64, NA for streams too); duration_ns (int64,
    until the outcome was known); goodput_bps (float64, bits that arrived per second; NaN where the sink did not
    report). The goodput of a run that died early describes only its short, unhindered start.
    """
    seen: Counter[str] = Counter()
    rows = []
    for run in runs:
        seen[run.policy] += 1
        counts = {name: getattr(run.sender, name) for name in _SAME_NAME} | {"bytes_received": run.sender.sink_bytes}
        rows.append({"policy": run.policy, "repeat": seen[run.policy], "run": run.name, **counts})
    if not rows:
        return empty_frame(GOODPUT_DTYPES)
    return pd.DataFrame(rows, columns=list(GOODPUT_DTYPES)).astype(GOODPUT_DTYPES)
