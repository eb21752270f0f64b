from pathlib import Path

import pytest

from zcprobe.dataset.load import Comparison, Run
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
    assert _column(goodput, "bytes_sent") == [f"{run.summary['bytes_sent']:,}" for run in comparison.runs]
    stalls = number_table("stall_latency", comparison)
    for policy, count in zip(_column(stalls, "policy"), _column(stalls, "stalls"), strict=True):
        assert count == f"{sum(run.summary['stall_count'] for run in comparison.runs_of(policy)):,}"
    results = number_table("sendmsg_results", comparison)
    assert sum(int(ok.replace(",", "")) for ok in _column(results, "ok")) == sum(
        run.summary["sends"] for run in comparison.runs
    )


def test_long_tables_say_how_much_is_left_out(shipped: dict[str, Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = number_table("enobufs", shipped["held-completions"])
    assert (len(whole.rows), whole.left_out) == (12, 0)
    monkeypatch.setattr("zcprobe.report.numbers._MOST_ROWS", 5)
    short = number_table("enobufs", shipped["held-completions"])
    assert (short.rows, short.left_out) == (whole.rows[:5], 7)


def test_the_summary_has_every_member_of_every_run(comparison: Comparison) -> None:
    table = summary_table(comparison.runs)
    members = {row[0]: row[1:] for row in table.rows}
    assert set(members) == set(comparison.runs[0].summary)
    assert members["sends"] == [f"{run.summary['sends']:,}" for run in comparison.runs]
    assert len(table.columns) == 1 + len(comparison.runs)


def test_values_are_written_for_people(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    whole = shipped["no-probes"].runs[0]
    summary = {"unknown": None, "nested": {"optmem": 1009}, "flag": False, "share": 0.25, "rate_bps": 1.25e10}
    table = summary_table([Run(tmp_path, {**whole.meta, "summary": summary})])
    assert [row[1] for row in table.rows] == ["-", "optmem: 1,009", "no", "0.25", "12,500,000,000"]
