# SPDX-License-Identifier: GPL-2.0-only
"""The outcomes of runs over a grid: the optmem limit against the size of a send or the share of clones held back."""

from collections.abc import Sequence
from typing import Literal, get_args

import pandas as pd

from zcprobe.analysis.alike import AMOUNT, require_alike, require_alike_within
from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run
from zcprobe.dataset.options import POLICY_OPTIONS
from zcprobe.errors import UsageError

__all__ = ["OPTMEM_MAP_DTYPES", "MapAxis", "df_optmem_map"]

MapAxis = Literal["send_bytes", "hold_one_in_count"]

OPTMEM_MAP_DTYPES = {
    "policy": "object",
    "optmem_max_bytes": "int64",
    "against": "object",
    "value": "int64",
    "run_count": "int64",
    "dead_count": "int64",
    "enobufs_count": "int64",
    "unread_share": "float64",
    "median_sends": "float64",
}


def df_optmem_map(runs: Sequence[Run], against: MapAxis = "send_bytes") -> pd.DataFrame:
    """One row per policy, limit and value of the other axis, sorted by them. Interrupted runs are left out.

    Columns: policy (str); optmem_max_bytes (int64, limit in force); against (str, the other axis), value (int64, bytes
    of a send, or N where 1 in N packets has its clone held); run_count, dead_count (int64, runs, and those that ended
    in ENOBUFS); enobufs_count (int64, calls that returned ENOBUFS in all of the runs); unread_share (float64, part of
    the charges at these calls that unread notifications held; NaN without such calls or without probes); median_sends
    (float64, sends per run).

    The runs must be alike except for policy, limit and the other axis. Runs with sends of different sizes may also
    differ in the amount sent. UsageError for other runs.
    """
    if against not in get_args(MapAxis):
        raise UsageError(f"{against!r} is not an axis of the map", f"choose {' or '.join(get_args(MapAxis))}")
    runs = [run for run in runs if run.sender.outcome != "interrupted" and _value(run, against)]
    _require_one_map(runs, against)
    rows = [_row(run, against) for run in runs]
    if not rows:
        return empty_frame(OPTMEM_MAP_DTYPES)
    grouped = pd.DataFrame(rows).groupby(["policy", "optmem_max_bytes", "against", "value"])
    table = grouped.agg(
        run_count=("dead", "size"),
        dead_count=("dead", "sum"),
        enobufs_count=("enobufs", "sum"),
        unread=("unread", "sum"),
        held=("held", "sum"),
        median_sends=("sends", "median"),
    ).reset_index()
    table["unread_share"] = table["unread"] / table["held"].where(table["held"] > 0)
    return table[list(OPTMEM_MAP_DTYPES)].astype(OPTMEM_MAP_DTYPES)


def _require_one_map(runs: Sequence[Run], against: MapAxis) -> None:
    amount = AMOUNT if against == "send_bytes" else frozenset()
    require_alike(runs, "one map", {"optmem_max_bytes", against, *amount, *POLICY_OPTIONS})
    require_alike_within(runs, "one map", lambda run: run.policy, {"optmem_max_bytes", against, *amount})
    require_alike_within(runs, "one map", lambda run: _value(run, against), {"optmem_max_bytes", *POLICY_OPTIONS})


def _value(run: Run, against: MapAxis) -> int:
    """The run's value on the axis `against`, or 0 when it has none."""
    return (run.send_bytes if against == "send_bytes" else run.hold_one_in_count) or 0


def _row(run: Run, against: MapAxis) -> dict[str, object]:
    kernel, sender = run.kernel, run.sender
    unread, in_flight = kernel.enobufs_unread_bytes or 0, kernel.enobufs_in_flight_bytes or 0
    return {
        "policy": run.policy,
        "optmem_max_bytes": kernel.optmem_max_bytes,
        "against": against,
        "value": _value(run, against),
        "dead": sender.outcome == "dead_enobufs",
        "enobufs": sender.enobufs_count,
        "unread": unread,
        "held": unread + in_flight,
        "sends": sender.sends,
    }
