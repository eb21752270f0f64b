# SPDX-License-Identifier: GPL-2.0-only
"""Tables with a row or more per run, against the runs' own summaries."""

import pandas as pd
import pytest

from zcprobe.analysis.comparisons import as_comparisons
from zcprobe.analysis.copied import COPIED_DTYPES, df_copied
from zcprobe.analysis.cpu import CPU_DTYPES, df_cpu
from zcprobe.analysis.enobufs_causes import CAUSES_OF_ENOBUFS, ENOBUFS_CAUSES_DTYPES, df_enobufs_causes
from zcprobe.analysis.flushes import FLUSHES_DTYPES, df_flushes
from zcprobe.analysis.merges import MERGES_DTYPES, df_merges
from zcprobe.analysis.stalls import df_stalls
from zcprobe.dataset.load import Comparison, Run, RunCollection

_OF_RUNS = [
    (df_copied, COPIED_DTYPES),
    (df_cpu, CPU_DTYPES),
    (df_enobufs_causes, ENOBUFS_CAUSES_DTYPES),
    (df_merges, MERGES_DTYPES),
]


@pytest.mark.parametrize(("table_of", "dtypes"), _OF_RUNS)
def test_columns_are_as_documented_with_and_without_runs(table_of, dtypes, comparison: Comparison) -> None:  # type: ignore[no-untyped-def]
    assert table_of(comparison.runs).dtypes.astype(str).to_dict() == dtypes
    assert table_of([]).dtypes.astype(str).to_dict() == dtypes
    for name in dtypes:
        assert name in table_of.__doc__


def test_merging_is_what_the_summaries_say(comparison: Comparison) -> None:
    table = df_merges(comparison)
    assert table["notifications"].tolist() == [run.sender.notifications for run in comparison]
    for row, run in zip(table.itertuples(), comparison, strict=True):
        assert row.sends_per_notification * row.notifications == pytest.approx(run.sender.completions)
        merged = run.kernel.merged_notifications
        assert (None if pd.isna(row.merged_count) else row.merged_count) == merged


def test_out_of_order_is_where_clones_are_held(shipped: dict[str, Comparison]) -> None:
    assert df_merges(shipped["in-order"])["out_of_order_count"].sum() == 0
    held = df_merges(shipped["held-completions"])
    assert (held["out_of_order_count"] > 0.5 * held["notifications"]).all()
    assert (held["farthest_back"] >= held["farthest_skip"]).all()


def test_cpu_times_the_bytes_is_the_time_used(comparison: Comparison) -> None:
    for row, run in zip(df_cpu(comparison).itertuples(), comparison, strict=True):
        used = run.sender.cpu_user_ns + run.sender.cpu_system_ns
        assert row.cpu_s_per_gb * row.bytes_sent == pytest.approx(used)


def test_told_and_true_are_those_of_the_summaries(comparison: Comparison) -> None:
    for row, run in zip(df_copied(comparison).itertuples(), comparison, strict=True):
        assert row.told_count == run.sender.copied_completions
        assert (None if pd.isna(row.true_count) else row.true_count) == run.kernel.true_copied_completions


def test_the_variants_of_flush_are_told_apart(shipped: dict[str, Comparison]) -> None:
    for row, run in zip(df_copied(shipped["channels"]).itertuples(), shipped["channels"], strict=True):
        variants = run.sender.missed_by_variant
        found = (row.missed_all_copied_count, row.missed_sticky_count, row.missed_any_copied_count)
        assert found == (variants["all-copied"], variants["sticky"], variants["any-copied"])
        assert row.flush_count == run.sender.flush_count


def test_every_refused_call_has_one_cause(comparison: Comparison) -> None:
    table = df_enobufs_causes(comparison)
    assert set(table["cause"]) <= set(CAUSES_OF_ENOBUFS)
    for policy in comparison.policies:
        own = table[table["policy"] == policy]
        assert own["call_count"].sum() == sum(run.sender.enobufs_count for run in comparison.runs_of(policy))
        causes = [run.kernel.enobufs_causes for run in comparison.runs_of(policy)]
        if None not in causes:
            by_optmem = own[own["cause"].str.startswith("optmem")]["call_count"].sum()
            assert by_optmem == sum(known.get("optmem", 0) for known in causes)


def test_runs_that_kept_only_counts_are_counted_too(campaign: RunCollection) -> None:
    for group in as_comparisons(campaign):
        table = df_enobufs_causes(group)
        assert table["call_count"].sum() == sum(run.sender.enobufs_count for run in group)
        assert set(table["cause"]) <= {"optmem, holder not recorded", "other"}


def test_each_scenario_has_the_cause_that_it_is_made_for(shipped: dict[str, Comparison]) -> None:
    def most(name: str) -> str:
        table = df_enobufs_causes(shipped[name].runs_of("qemu-pre"))
        return str(table.loc[table["call_count"].idxmax(), "cause"])

    assert most("held-completions") == "optmem, unread"
    assert most("in-flight") == "optmem, in flight"
    assert most("memlock") == "memlock"
    assert most("no-probes") == "unknown"
    assert df_enobufs_causes(shipped["in-order"]).empty


def test_flushes_cover_every_completion_and_those_that_answer_enobufs_are_in_stalls(run: Run) -> None:
    table = df_flushes(run)
    assert table.dtypes.astype(str).to_dict() == FLUSHES_DTYPES
    assert table["time_s"].is_monotonic_increasing
    assert table["completion_count"].sum() == run.sender.completions
    answers = table[table["trigger"] == "enobufs"]
    assert answers["completion_count"].sum() <= df_stalls(run)["completion_count"].sum()
    assert answers["duration_ns"].sum() <= df_stalls(run)["duration_ns"].sum()


def test_no_flush_is_an_empty_table(empty_run: Run) -> None:
    assert df_flushes(empty_run).dtypes.astype(str).to_dict() == FLUSHES_DTYPES
