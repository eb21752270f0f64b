"""What is written is read back by other readers, and added up against the Parquet tables."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest

from zcprobe.dataset.load import Comparison, Run
from zcprobe.export.summary import summary_rows
from zcprobe.export.tables import Rows, table_rows
from zcprobe.export.text import write_csv, write_jsonl
from zcprobe.recorder.tables import TABLES


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
        assert len(written) == len(recorded) == run.meta["rows"][name]
        assert len(set(recorded) & set(written)) >= len(recorded.columns) - 1
        if len(recorded):
            _check_equal(written, recorded)
            assert set(written["run"]) == {run.folder.name}


def test_runs_follow_each_other(shipped: dict[str, Comparison]) -> None:
    runs = shipped["held-completions"].runs
    written = _csv(table_rows(runs, "sends"))
    assert written.groupby("run", sort=False).size().to_dict() == {
        run.folder.name: run.meta["rows"]["sends"] for run in runs
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
    newer = Run(tmp_path, {**older.meta, "summary": {**older.summary, "errqueue_depth_max": large}})
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
        assert (row["policy"], row["outcome"]) == (run.policy, run.summary["outcome"])
        for name in ("sends", "duration_ns", "stall_ns_total", "goodput_bps"):
            assert row[name] == run.summary[name]
        for cause in ("optmem", "memlock", "other"):
            causes = run.summary["enobufs_causes"]
            value = row[f"enobufs_causes_{cause}"]
            assert pd.isna(value) if causes is None else value == causes.get(cause, 0)
