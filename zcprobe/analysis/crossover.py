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

__all__ = ["CROSSOVER_DTYPES", "crossover_bytes", "df_crossover", "ratio_interval", "runs_by_size"]

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
    goodput = {
        key: [run.sender.goodput_bps for run in own if run.sender.goodput_bps is not None]
        for key, own in runs_by_size(runs).items()
    }
    sizes = sorted({size for size, _ in goodput})
    rows = [_row(size, goodput[size, True], goodput[size, False]) for size in sizes]
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


def runs_by_size(runs: Sequence[Run]) -> dict[tuple[int, bool], list[Run]]:
    """(Size of a send, whether it was made with zerocopy) -> the runs that can be compared, for the sizes that have
    both. UsageError as for `df_crossover`."""
    found: dict[tuple[int, bool], list[Run]] = {}
    for run in _usable(runs):
        found.setdefault((run.send_bytes, bool(run.meta.config.zerocopy)), []).append(run)
    return found


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


def _ratio(zerocopy: NDArray[np.float64], copy: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    return np.asarray(np.median(zerocopy, axis=axis) / np.median(copy, axis=axis))


def ratio_interval(zerocopy: Sequence[float], copy: Sequence[float]) -> dict[str, float]:
    """`ratio` of the medians of runs, zerocopy to copy; `low` and `high`, its interval as `df_crossover` has it."""
    samples = np.asarray(zerocopy, np.float64), np.asarray(copy, np.float64)
    low = high = float("nan")
    if min(map(len, samples)) > 1:
        interval = stats.bootstrap(
            samples,
            _ratio,
            confidence_level=CONFIDENCE,
            n_resamples=_RESAMPLES,
            method="percentile",
            rng=np.random.default_rng(1),
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    return {"ratio": float(_ratio(*samples)), "low": low, "high": high}


def _row(size: int, zerocopy: Sequence[float], copy: Sequence[float]) -> dict[str, float]:
    return {
        "send_bytes": size,
        "zerocopy_run_count": len(zerocopy),
        "copy_run_count": len(copy),
        "zerocopy_bps": float(np.median(zerocopy)),
        "copy_bps": float(np.median(copy)),
        **ratio_interval(zerocopy, copy),
    }
