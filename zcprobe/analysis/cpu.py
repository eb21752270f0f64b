# SPDX-License-Identifier: GPL-2.0-only
"""The CPU time of the sending threads for each gigabyte sent."""

from collections.abc import Sequence

import pandas as pd

from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run

__all__ = ["CPU_DTYPES", "df_cpu"]

CPU_DTYPES = {
    "policy": "object",
    "run": "object",
    "outcome": "object",
    "bytes_sent": "int64",
    "user_s_per_gb": "float64",
    "system_s_per_gb": "float64",
    "cpu_s_per_gb": "float64",
}


def df_cpu(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run, in the order given.

    Columns: policy, run, outcome (str); bytes_sent (int64); user_s_per_gb, system_s_per_gb, cpu_s_per_gb (float64,
    CPU seconds of the sending threads per 10^9 bytes that the sockets took; NaN when the sockets took none). The
    seconds include neither the sink nor softirq work that was charged to other threads.
    """
    rows = []
    for run in runs:
        sender = run.sender
        gigabytes = sender.bytes_sent / 1e9 or float("nan")
        user, system = sender.cpu_user_ns / 1e9 / gigabytes, sender.cpu_system_ns / 1e9 / gigabytes
        rows.append((run.policy, run.name, sender.outcome, sender.bytes_sent, user, system, user + system))
    if not rows:
        return empty_frame(CPU_DTYPES)
    return pd.DataFrame(rows, columns=list(CPU_DTYPES)).astype(CPU_DTYPES)
