# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import pytest

from tests.unit.changed import run_with
from zcprobe.dataset.load import Comparison
from zcprobe.format.summary import KernelSummary, SenderSummary
from zcprobe.report.html import FIGURE_TITLES
from zcprobe.report.numbers import NUMBERS, NumberTable, number_table, summary_table


def _column(table: NumberTable, name: str) -> list[str]:
    return [row[table.columns.index(name)] for row in table.rows]


def test_every_figure_has_numbers(comparison: Comparison) -> None:
    assert set(NUMBERS) == set(FIGURE_TITLES)
    for name in NUMBERS:
        table = number_table(name, comparison)
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_they_are_those_of_the_runs(comparison: Comparison) -> None:
    goodput = number_table("goodput", comparison)
    assert _column(goodput, "bytes_sent") == [f"{run.sender.bytes_sent:,}" for run in comparison.runs]
    stalls = number_table("stall_latency", comparison)
    for policy, count in zip(_column(stalls, "policy"), _column(stalls, "stalls"), strict=True):
        assert count == f"{sum(run.sender.stall_count for run in comparison.runs_of(policy)):,}"
    results = number_table("sendmsg_results", comparison)
    assert sum(int(ok.replace(",", "")) for ok in _column(results, "ok")) == sum(
        run.sender.sends for run in comparison.runs
    )


def test_round_trips_are_medians_over_the_runs_that_have_some(shipped: dict[str, Comparison]) -> None:
    whole = shipped["held-completions"]
    assert number_table("round_trips", whole).rows == []
    told = dict.fromkeys(("rtt_min_ns", "rtt_max_ns", "cwnd_max_bytes", "delivery_rate_max_bps", "retransmit_count"), 5)
    means = {"qemu-pre": 1_000, "qemu-merged": 3_000_000}
    runs = [
        run_with(run, results={**told, "rtt_mean_ns": means[run.policy]}) if run.policy in means else run
        for run in whole
    ]
    table = number_table("round_trips", Comparison(whole.folder, whole.meta, runs))
    assert _column(table, "policy") == ["qemu-pre", "qemu-merged"]
    assert _column(table, "runs") == [f"{len(whole.runs_of(policy))}" for policy in means]
    assert _column(table, "rtt_mean_ns") == ["1,000", "3,000,000"]


def test_long_tables_say_how_much_is_left_out(shipped: dict[str, Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = number_table("enobufs", shipped["held-completions"])
    assert (len(whole.rows), whole.left_out) == (12, 0)
    monkeypatch.setattr("zcprobe.report.numbers._MOST_ROWS", 5)
    short = number_table("enobufs", shipped["held-completions"])
    assert (short.rows, short.left_out) == (whole.rows[:5], 7)


def test_the_summary_has_every_member_of_every_run(comparison: Comparison) -> None:
    table = summary_table(comparison.runs)
    members = {row[0]: row[1:] for row in table.rows}
    assert set(members) == set(KernelSummary.__struct_fields__) | set(SenderSummary.__struct_fields__)
    assert members["sends"] == [f"{run.sender.sends:,}" for run in comparison.runs]
    assert len(table.columns) == 1 + len(comparison.runs)


def test_values_are_written_for_people(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    whole = shipped["no-probes"].runs[0]
    told = {
        "error": (None, "-"),
        "enobufs_causes": ({"optmem": 1009}, "optmem: 1,009"),
        "sink_intact": (False, "no"),
        "enobufs_unread_share": (0.25, "0.25"),
        "goodput_bps": (1.25e10, "12,500,000,000"),
    }
    table = summary_table([run_with(whole, tmp_path, results={name: value for name, (value, _) in told.items()})])
    assert {name: text for name, text in table.rows if name in told} == {name: text for name, (_, text) in told.items()}
