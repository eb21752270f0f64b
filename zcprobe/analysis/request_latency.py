# SPDX-License-Identifier: GPL-2.0-only
"""How long each request of rpc traffic took, its response included."""

from collections.abc import Iterator

import pandas as pd

from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["REQUEST_LATENCY_DTYPES", "df_request_latency", "iterate_request_latency"]

REQUEST_LATENCY_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "bytes": "int64",
    "zerocopy": "bool",
    "latency_ns": "int64",
}


def df_request_latency(run: Run) -> pd.DataFrame:
    """One row per request, in the order recorded: each channel's rows are in the order of time.

    Columns: time_s (float64, start of the request, since the first send began); channel (int64); bytes (int64, header
    and body); zerocopy (bool, the body was meant to go without a copy); latency_ns (int64, until the response was
    read). The table is empty for other traffic, and for runs without records.
    """
    parts = list(iterate_request_latency(run))
    return pd.concat(parts, ignore_index=True) if parts else empty_frame(REQUEST_LATENCY_DTYPES)


def iterate_request_latency(run: Run) -> Iterator[pd.DataFrame]:
    """The rows of `df_request_latency` in parts, so that a run may have any length."""
    for requests in run.iterate("requests"):
        if len(requests):
            table = requests.assign(time_s=seconds(run, requests["start_ns"]))
            yield table[list(REQUEST_LATENCY_DTYPES)].astype(REQUEST_LATENCY_DTYPES)
