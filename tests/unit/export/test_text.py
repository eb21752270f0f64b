# SPDX-License-Identifier: GPL-2.0-only
"""Other readers read back what is written, and the sums are compared with the Parquet tables."""

import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.unit.changed import changed_run, run_with
from zcprobe.dataset.load import Comparison, Run
from zcprobe.dataset.options import OPTIONS
from zcprobe.export.summary import summary_rows
from zcprobe.export.tables import Rows, table_rows
from zcprobe.export.text import write_csv, write_jsonl
from zcprobe.format.causes import CAUSES
from zcprobe.format.summary import KernelSummary, SenderSummary
from zcprobe.format.tables import TABLES

_CONVERTED = {
    (1, "kernel_events"): {"lo", "hi", "optmem_high_bytes", "memlock_denied"},
    (2, "kernel_events"): {"lo", "hi", "optmem_high_bytes"},
}
"""Columns of older versions that are not written as they stand: tests/unit/format holds what becomes of them."""


def _csv(rows: Rows) -> pd.DataFrame:
    file = io.BytesIO()
    write_csv(rows, file)
    return pd.read_csv(io.BytesIO(file.getvalue()))


def _jsonl(rows: Rows) -> pd.DataFrame:
    file = io.BytesIO()
    write_jsonl(rows, file)
    return pd.DataFrame([json.loads(line) for line in file.getvalue().splitlines()])


def _recorded(run: Run) -> dict[str, pd.DataFrame]:
    paths = {name: run.folder / f"{name}.parquet" for name in TABLES}
    return {name: pd.read_parquet(path) for name, path in paths.items() if path.exists()}


def _check_equal(written: pd.DataFrame, recorded: pd.DataFrame) -> None:
    for name in set(recorded.columns) & set(written.columns):
        column = recorded[name]
        if column.dtype.kind in "iub":
            assert written[name].sum() == column.astype("object").sum()
        assert list(written[name]) == list(column)


@pytest.mark.parametrize("read", [_csv, _jsonl])
def test_every_table_of_every_run_is_written_as_it_is(read: object, run: Run) -> None:
    tables = _recorded(run)
    assert "sends" in tables
    for name, recorded in tables.items():
        written = read(table_rows([run], name))  # type: ignore[operator]
        assert len(written) == len(recorded) == run.meta.rows[name]
        if recorded.empty and read is _jsonl:
            continue  # lines without rows have no columns
        assert set(recorded) - set(written) == _CONVERTED.get((run.format_version, name), set()) - {"lo", "hi"}
        if len(recorded):
            _check_equal(written, recorded.drop(columns=list(_CONVERTED.get((run.format_version, name), ()))))
            assert set(written["run"]) == {run.folder.name}


def test_runs_follow_each_other(shipped: dict[str, Comparison]) -> None:
    runs = shipped["held-completions"].runs
    written = _csv(table_rows(runs, "sends"))
    assert written.groupby("run", sort=False).size().to_dict() == {
        run.folder.name: run.meta.rows["sends"] for run in runs
    }


def test_what_an_older_run_does_not_have_is_filled_in_as_everywhere(run: Run) -> None:
    for name in _recorded(run):
        written, loaded = _csv(table_rows([run], name)), run.read(name)
        assert list(written) == ["run", *loaded]
        for column in loaded:
            assert list(written[column]) == list(loaded[column])


def test_numbers_beyond_a_double_stay_exact_beside_missing_ones(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    """2^53 + 1 is the first whole number that a double cannot hold."""
    large = 2**53 + 1
    older = shipped["no-probes"].runs[0]
    newer = run_with(older, tmp_path, results={"errqueue_depth_max": large})
    file = io.BytesIO()
    write_jsonl(summary_rows([older, newer]), file)
    assert [json.loads(line)["errqueue_depth_max"] for line in file.getvalue().splitlines()] == [None, large]
    pd.DataFrame(older.sends.head(2).assign(start_ns=large)).to_parquet(tmp_path / "sends.parquet")
    file = io.BytesIO()
    write_jsonl(table_rows([newer], "sends"), file)
    assert [json.loads(line)["start_ns"] for line in file.getvalue().splitlines()] == [large, large]


@pytest.mark.parametrize("read", [_csv, _jsonl])
def test_the_summary_is_a_row_per_run(read: object, comparison: Comparison) -> None:
    written = read(summary_rows(comparison.runs)).set_index("run")  # type: ignore[operator]
    assert list(written.index) == [run.folder.name for run in comparison.runs]
    for run in comparison.runs:
        row = written.loc[run.folder.name]
        assert (row["policy"], row["outcome"]) == (run.policy, run.sender.outcome)
        for name in ("sends", "duration_ns", "stall_ns_total", "goodput_bps"):
            assert row[name] == getattr(run.sender, name)
        causes = run.kernel.enobufs_causes
        for cause in CAUSES:
            value = row[f"enobufs_causes_{cause}"]
            assert pd.isna(value) if causes is None else value == causes.get(cause, 0)
        assert causes is None or row["enobufs_causes_memlock"] == causes.get("memlock", 0)


@pytest.mark.parametrize(
    ("causes", "by_memlock"),
    [
        ({"memlock_new": 1500, "memlock_extended": 500}, 2000),
        ({"memlock": 7}, 7),
        ({"memlock": 1, "memlock_new": 2, "optmem": 1009}, 3),
        ({}, 0),
    ],
)
def test_refusals_by_memlock_are_counted_under_all_their_names(
    causes: dict[str, int], by_memlock: int, shipped: dict[str, Comparison], tmp_path: Path
) -> None:
    whole = shipped["memlock"].runs[0]
    run = run_with(whole, tmp_path, results={"enobufs_causes": causes})
    row = _csv(summary_rows([run])).iloc[0]
    assert row["enobufs_causes_memlock"] == by_memlock
    told = sum(row[f"enobufs_causes_{cause}"] for cause in CAUSES)
    assert told == sum(causes.values()) - causes.get("memlock", 0)


def test_the_configuration_stands_beside_the_results(shipped: dict[str, Comparison]) -> None:
    run = changed_run(
        shipped["held-completions"].runs[0],
        traffic_sizes=[[4096, 8], [65536, 2]],
        socket_pacing_bps=100_000_000,
        family="ipv6",
        zerocopy=False,
        link=["eth1", "eth2"],
    )
    row = _csv(summary_rows([run])).iloc[0]
    assert (row["traffic_sizes"], row["socket_pacing_bps"], row["family"]) == ("4096:8,65536:2", 100_000_000, "ipv6")
    assert (row["zerocopy"], row["link"], row["hold_one_in_count"]) == (False, "eth1,eth2", 16)
    assert row["hold_rate_bps"] == 600_000_000
    assert set(OPTIONS) <= set(row.index)


def test_the_document_names_every_column(shipped: dict[str, Comparison]) -> None:
    text = (Path(__file__).parents[3] / "docs" / "exports.md").read_text()
    table = text[text.index("| columns | what |") : text.index("An option has the value")]
    named = set(re.findall(r"`([a-z_]+)`", table))
    results = {*KernelSummary.__struct_fields__, *SenderSummary.__struct_fields__}
    columns = set(summary_rows(shipped["held-completions"].runs).schema.names) - results
    assert {f"enobufs_causes_{cause}" for cause in CAUSES} <= columns
    plain = {name for name in columns if not name.startswith(("enobufs_causes_", "impairment_", "missed_by_variant_"))}
    assert plain - named == set()
    assert named >= {*CAUSES, *OPTIONS}
