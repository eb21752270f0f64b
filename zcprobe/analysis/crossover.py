# SPDX-License-Identifier: GPL-2.0-only
"""The size of a send from which zerocopy is faster than copying, on the path that was measured."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from zcprobe.analysis.alike import AMOUNT, require_alike, require_alike_within
from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run
from zcprobe.format.intervals import CONFIDENCE

__all__ = ["CROSSOVER_DTYPES", "crossover_bytes", "df_crossover"]

CROSSOVER_DTYPES = {
    "send_bytes": "int64",
    "zerocopy_run_count": "int64",
    "copy_run_count": "int64",
    "zerocopy_bps": "float64",
    "copy_bps": "float64",
    "ratio": "float64",
    "low": "float64",
    "high": "float64",
}

_RESAMPLES = 2000


def df_crossover(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per size of a send for which there are completed runs with and without zerocopy, smallest first. Runs
    whose sink did not report what arrived are left out.

    Columns: send_bytes (int64); zerocopy_run_count, copy_run_count (int64); zerocopy_bps, copy_bps (float64, median
    goodput over runs); ratio (float64, zerocopy_bps to copy_bps); low, high (float64, 95 % percentile-bootstrap
    interval of the ratio, the run being the unit; NaN with fewer than two runs of either). Runs of one size must be
    alike except for zerocopy. Runs of different sizes may also differ in the amount sent and in the optmem limit.
    UsageError for other runs.
    """
    goodput = _goodput_by_size(_usable(runs))
    sizes = sorted({size for size, _ in goodput})
    rows = [_row(size, np.asarray(goodput[size, True]), np.asarray(goodput[size, False])) for size in sizes]
    if not rows:
        return empty_frame(CROSSOVER_DTYPES)
    return pd.DataFrame(rows, columns=list(CROSSOVER_DTYPES)).astype(CROSSOVER_DTYPES)


def crossover_bytes(table: pd.DataFrame) -> int | None:
    """The smallest measured size such that its interval and those of all larger sizes lie at or above 1; None when
    there is no such size."""
    faster = (table["low"] >= 1).to_numpy()
    if not len(faster) or not faster[-1]:
        return None
    slower = np.flatnonzero(~faster)
    return int(table["send_bytes"].iloc[int(slower[-1]) + 1 if len(slower) else 0])


def _usable(runs: Sequence[Run]) -> list[Run]:
    """The completed runs that have a known goodput, sends of one size, and a counterpart of that size."""
    known = [
        run
        for run in runs
        if run.sender.outcome == "completed" and run.send_bytes and run.sender.goodput_bps is not None
    ]
    sizes = {on: {run.send_bytes for run in known if run.meta.config.zerocopy is on} for on in (True, False)}
    usable = [run for run in known if run.send_bytes in sizes[True] & sizes[False]]
    require_alike(usable, "one ratio", {"send_bytes", "optmem_max_bytes", "zerocopy", *AMOUNT})
    require_alike_within(usable, "one ratio", lambda run: run.send_bytes, {"zerocopy"})
    return usable


def _goodput_by_size(runs: Sequence[Run]) -> dict[tuple[int, bool], list[float]]:
    found: dict[tuple[int, bool], list[float]] = {}
    for run in runs:
        key = (run.send_bytes, bool(run.meta.config.zerocopy))
        if run.sender.goodput_bps is not None:
            found.setdefault(key, []).append(run.sender.goodput_bps)
    return found


def _ratio(zerocopy: NDArray[np.float64], copy: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    return np.asarray(np.median(zerocopy, axis=axis) / np.median(copy, axis=axis))


def _row(size: int, zerocopy: NDArray[np.float64], copy: NDArray[np.float64]) -> dict[str, float]:
    low = high = float("nan")
    if min(len(zerocopy), len(copy)) > 1:
        interval = stats.bootstrap(
            (zerocopy, copy),
            _ratio,
            confidence_level=CONFIDENCE,
            n_resamples=_RESAMPLES,
            method="percentile",
            rng=np.random.default_rng(1),
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    return {
        "send_bytes": size,
        "zerocopy_run_count": len(zerocopy),
        "copy_run_count": len(copy),
        "zerocopy_bps": float(np.median(zerocopy)),
        "copy_bps": float(np.median(copy)),
        "ratio": float(_ratio(zerocopy, copy)),
        "low": low,
        "high": high,
    }
