# SPDX-License-Identifier: GPL-2.0-only
from tests.unit.changed import changed_run
from zcprobe.analysis.crossover import df_crossover
from zcprobe.analysis.goodput import GOODPUT_DTYPES, df_goodput
from zcprobe.analysis.policies import policy_results
from zcprobe.analysis.verdict import verdict
from zcprobe.dataset.load import Comparison


def test_one_row_per_run_numbered_within_its_policy(comparison: Comparison) -> None:
    table = df_goodput(comparison.runs)
    assert table.dtypes.astype(str).to_dict() == GOODPUT_DTYPES
    assert table["goodput_bps"].tolist() == [run.sender.goodput_bps for run in comparison.runs]
    assert table["repeat"].tolist() == [entry.repeat for entry in comparison.meta.runs]


def test_no_runs_are_an_empty_table() -> None:
    assert df_goodput([]).dtypes.astype(str).to_dict() == GOODPUT_DTYPES


def test_sent_received_and_missing_are_in_a_row(lossy: Comparison, silent: Comparison) -> None:
    of_datagrams = df_goodput(lossy).iloc[0]
    assert [of_datagrams[f"datagrams_{what}"] for what in ("sent", "received", "missing")] == [2018, 1009, 1009]
    unknown = df_goodput(silent)
    assert unknown[["goodput_bps", "bytes_received", "bytes_missing", "datagrams_missing"]].isna().all(axis=None)
    assert unknown["bytes_sent"].notna().all()


def test_the_verdict_says_what_is_not_known_and_what_is_missing(lossy: Comparison, silent: Comparison) -> None:
    assert "goodput not known: the sink did not report" in verdict(policy_results(silent), silent)[0]
    assert ", 50.00% of the datagrams missing" in verdict(policy_results(lossy), lossy)[0]


def test_runs_without_a_goodput_are_in_no_ratio(silent: Comparison) -> None:
    without = [changed_run(run, zerocopy=False) for run in silent]
    assert df_crossover([*silent, *without]).empty
