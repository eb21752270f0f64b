# SPDX-License-Identifier: GPL-2.0-only
"""The numbers behind each figure, as small tables of text for people to read and copy."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from zcprobe.analysis.enobufs import count_causes, first_rows
from zcprobe.analysis.goodput import df_goodput
from zcprobe.analysis.late_completions import df_late_completions
from zcprobe.analysis.stalls import stall_lengths
from zcprobe.dataset.load import Comparison, Run
from zcprobe.dataset.results import results_of
from zcprobe.plots.order import in_order
from zcprobe.plots.sendmsg_results import count_results
from zcprobe.report.content import shown_runs

__all__ = ["NUMBERS", "NumberTable", "number_table", "summary_table"]

_MOST_ROWS = 40
_QUANTILES = {"p50_ns": 50, "p90_ns": 90, "p99_ns": 99, "max_ns": 100}
_SHOWN_MEMBERS = (
    "duration_ns",
    "sends",
    "optmem_max_bytes",
    "optmem_peak_bytes",
    "optmem_baseline_bytes",
    "charge_bytes",
    "errqueue_depth_max",
    "enobufs_count",
    "stall_count",
    "stall_ns_total",
)
_OF_TCP = ("rtt_min_ns", "rtt_mean_ns", "rtt_max_ns", "cwnd_max_bytes", "delivery_rate_max_bps", "retransmit_count")


class NumberTable(msgspec.Struct, frozen=True):
    """A table of text. Each of `rows` has one text per column, `-` where a value is not known. `left_out` is the number
    of further rows that are not shown."""

    columns: list[str]
    rows: list[list[str]]
    left_out: int


def _of_shown_runs(comparison: Comparison) -> pd.DataFrame:
    rows = [
        {"policy": run.policy, "run": run.name, **{name: results[name] for name in _SHOWN_MEMBERS}}
        for run in shown_runs(comparison)
        for results in (results_of(run.meta),)
    ]
    return pd.DataFrame(rows, dtype="object")


def _enobufs(comparison: Comparison) -> pd.DataFrame:
    """The first ENOBUFS of each run shown. There may be millions, so the rest is left out."""
    return _stacked([(run.policy, first_rows(run, _MOST_ROWS)) for run in shown_runs(comparison)])


def _enobufs_count(comparison: Comparison) -> int:
    return sum(sum(count_causes(run).values()) for run in shown_runs(comparison))


def _late_completions(comparison: Comparison) -> pd.DataFrame:
    return _stacked([(run.policy, df_late_completions(run)) for run in comparison.runs], totals="holder")


def _stacked(tables: list[tuple[str, pd.DataFrame]], totals: str | None = None) -> pd.DataFrame:
    """The tables one below the other, with the policy as the first column. With `totals`, rows of one policy that have
    the same value in that column are added up."""
    filled = [table.assign(policy=policy) for policy, table in tables if len(table)]
    if not filled:
        return pd.DataFrame()
    table = pd.concat(filled, ignore_index=True)
    if totals is not None:
        table = table.groupby(["policy", totals], sort=False).sum().reset_index()
    return table[["policy", *(name for name in table.columns if name != "policy")]]


def _sendmsg_results(comparison: Comparison) -> pd.DataFrame:
    return count_results(comparison.runs).rename_axis("policy").reset_index()


def _stalls(comparison: Comparison) -> pd.DataFrame:
    rows = []
    for policy in comparison.policies:
        found = [stall_lengths(run) for run in comparison.runs_of(policy)]
        lengths = np.concatenate([np.empty(0, np.int64), *found])
        quantiles = {name: round(float(np.percentile(lengths, at))) for name, at in _QUANTILES.items() if len(lengths)}
        rows.append({"policy": policy, "runs": len(found), "stalls": len(lengths), **quantiles})
    return pd.DataFrame(rows, columns=["policy", "runs", "stalls", *_QUANTILES], dtype="object")


def _goodput(comparison: Comparison) -> pd.DataFrame:
    return df_goodput(comparison.runs)


def _round_trips(comparison: Comparison) -> pd.DataFrame:
    """Medians over the runs of each policy, and of how many runs."""
    runs = [run for run in comparison.runs if run.sender.rtt_mean_ns is not None]
    rows = [{"policy": run.policy, **{name: getattr(run.sender, name) for name in _OF_TCP}} for run in runs]
    groups = pd.DataFrame(rows, columns=["policy", *_OF_TCP]).groupby("policy", sort=False)
    table = groups.median().round().astype("int64")
    table.insert(0, "runs", groups.size())
    return table.reindex(in_order(table.index)).reset_index()


NUMBERS: dict[str, Callable[[Comparison], pd.DataFrame]] = {
    "with_and_without_the_fix": _of_shown_runs,
    "enobufs": _enobufs,
    "sendmsg_results": _sendmsg_results,
    "stall_latency": _stalls,
    "goodput": _goodput,
    "late_completions": _late_completions,
    "round_trips": _round_trips,
}
"""Figure -> the function that makes the table of its numbers."""


def number_table(name: str, comparison: Comparison) -> NumberTable:
    """The numbers behind a figure. The table has no rows when there is nothing to show."""
    table = NUMBERS[name](comparison)
    shown = table.head(_MOST_ROWS)
    rows = [[_text(value) for value in row] for row in shown.itertuples(index=False)]
    total = _enobufs_count(comparison) if name == "enobufs" else len(table)
    return NumberTable(list(shown.columns), rows, total - len(shown))


def summary_table(runs: list[Run]) -> NumberTable:
    """A table with a row for each member of the summaries and a column for each run."""
    found = [results_of(run.meta) for run in runs]
    members = dict.fromkeys(name for results in found for name in results)
    rows = [[name, *(_text(results.get(name)) for results in found)] for name in members]
    return NumberTable(["", *(f"{run.policy} {run.meta.run_id}" for run in runs)], rows, 0)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_text(part)}" for name, part in value.items()) or "none"
    if value is None or pd.isna(value):
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        return f"{value:,.0f}" if abs(float(value)) >= 1e6 else f"{value:,.6g}"
    return str(value)
