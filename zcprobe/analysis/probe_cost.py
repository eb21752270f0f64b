# SPDX-License-Identifier: GPL-2.0-only
"""What measuring costs, from the pairs of blocks that bench/cost.py times."""

from collections.abc import Mapping, Sequence

import pandas as pd

from zcprobe.analysis.policies import estimate_median
from zcprobe.analysis.timebase import empty_frame
from zcprobe.errors import UsageError

__all__ = ["PROBE_COST_DTYPES", "df_probe_cost"]

PROBE_COST_DTYPES = {
    "what": "object",
    "send_bytes": "int64",
    "pair_count": "int64",
    "median": "float64",
    "low": "float64",
    "high": "float64",
}


def df_probe_cost(ratios: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """One row per kind of measuring and size of a send, in the order given.

    `ratios` is what `bench/cost.py --json` writes and `zcprobe.dataset.cost.load_cost` reads: `<what>-<bytes>` -> the
    ratios of goodput with measuring to goodput without, one per pair. Columns: what (str); send_bytes (int64);
    pair_count (int64); median, low, high (float64, median ratio and its 95 % bootstrap interval over pairs). UsageError
    for a name of another form.
    """
    rows = []
    for name, values in ratios.items():
        what, dash, size = name.rpartition("-")
        if not (dash and size.isdecimal()):
            raise UsageError(f"{name!r} is not the name of a cost measurement", "such a name has the form probes-4096")
        estimate = estimate_median(list(values))
        rows.append((what, int(size), estimate.n, estimate.median, estimate.low, estimate.high))
    if not rows:
        return empty_frame(PROBE_COST_DTYPES)
    return pd.DataFrame(rows, columns=list(PROBE_COST_DTYPES)).astype(PROBE_COST_DTYPES)
