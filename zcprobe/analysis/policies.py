# SPDX-License-Identifier: GPL-2.0-only
"""Policies side by side. The unit of replication is the run, not the send."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from msgspec.structs import asdict
from scipy import stats

from zcprobe.analysis.alike import require_comparable
from zcprobe.dataset.load import Run
from zcprobe.dataset.results import results_of
from zcprobe.format.comparison import PolicyResult
from zcprobe.format.intervals import CONFIDENCE, Estimate

__all__ = ["QUANTITIES", "df_policies", "estimate_median", "policy_results"]

QUANTITIES: dict[str, str] = {
    "goodput_bps": "bit/s",
    "duration_ns": "ns",
    "sends": "sends",
    "enobufs_count": "sendmsg calls",
    "stall_count": "stalls",
    "stall_ns_total": "ns",
    "errqueue_depth_max": "notifications",
    "optmem_peak_bytes": "bytes",
    "enobufs_unread_share": "share",
    "bytes_missing": "bytes",
    "datagrams_sent": "datagrams",
    "datagrams_received": "datagrams",
    "datagrams_missing": "datagrams",
    "retransmit_count": "segments",
    "request_p50_ns": "ns",
    "request_p99_ns": "ns",
    "rtt_mean_ns": "ns",
    "rtt_max_ns": "ns",
    "cwnd_max_bytes": "bytes",
    "delivery_rate_max_bps": "bit/s",
}
"""Member of one of a run's summaries -> its unit."""

_RESAMPLES = 4000


def estimate_median(values: list[float]) -> Estimate:
    """Median with a percentile-bootstrap interval over runs (scipy.stats.bootstrap with a fixed seed)."""
    if not values:
        return Estimate(0, None, None, None)
    median = float(np.median(values))
    if len(values) == 1:
        return Estimate(1, median, None, None)
    if len(set(values)) == 1:
        return Estimate(len(values), median, median, median)
    interval = stats.bootstrap(
        (np.asarray(values, dtype=np.float64),),
        np.median,
        confidence_level=CONFIDENCE,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    return Estimate(len(values), median, float(interval.low), float(interval.high))


def _values(runs: Sequence[Run], quantity: str) -> list[float]:
    values = (results_of(run.meta)[quantity] for run in runs)
    return [float(value) for value in values if value is not None]


def policy_results(runs: Sequence[Run]) -> dict[str, PolicyResult]:
    """Policy -> the results of its runs."""
    results = {}
    for policy in dict.fromkeys(run.policy for run in runs):
        own = [run for run in runs if run.policy == policy]
        causes: Counter[str] = Counter()
        for run in own:
            known = run.kernel.enobufs_causes
            causes.update({"unknown": run.sender.enobufs_count} if known is None else known)
        results[policy] = PolicyResult(
            repeats=len(own),
            outcomes=dict(Counter(run.sender.outcome for run in own)),
            enobufs_causes={cause: count for cause, count in causes.items() if count},
            medians={quantity: estimate_median(_values(own, quantity)) for quantity in QUANTITIES},
        )
    return results


def df_policies(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per policy and quantity.

    Columns: policy, quantity, unit (str); n (int64, runs with a value); median, low, high (float64, the median and its
    95 % bootstrap interval; NaN where n is too small). UsageError for runs that were made in different ways.
    """
    require_comparable(runs, "one median")
    rows = [
        {"policy": policy, "quantity": quantity, "unit": QUANTITIES[quantity], **asdict(estimate)}
        for policy, result in policy_results(runs).items()
        for quantity, estimate in result.medians.items()
    ]
    table = pd.DataFrame(rows, columns=["policy", "quantity", "unit", "n", "median", "low", "high"])
    return table.astype({"n": "int64", "median": "float64", "low": "float64", "high": "float64"})
