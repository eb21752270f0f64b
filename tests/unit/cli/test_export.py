# SPDX-License-Identifier: GPL-2.0-only
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from zcprobe.cli.parser import make_parser
from zcprobe.dataset.load import load_comparison
from zcprobe.format.tables import TABLES
from zcprobe.journal import JOURNAL_FOLDER

Told = Callable[..., Any]


def test_a_line_per_run_is_the_default(zcprobe: Told, data: Path) -> None:
    result = zcprobe("export", data / "in-order", next(data.glob("memlock/*-qemu-pre-*")))
    assert (result.code, result.error) == (0, [])
    lines = result.output.decode().splitlines()
    assert len(lines) == 4
    assert "qemu-pre" in lines[-1]
    assert "1 memlock" in lines[-1]


@pytest.mark.parametrize("target", [(), ("-o", "-")])
def test_csv_on_stdout(zcprobe: Told, data: Path, target: tuple[str, ...]) -> None:
    result = zcprobe("export", data / "in-order", "--format", "csv", *target)
    table = pd.read_csv(io.BytesIO(result.output))
    runs = load_comparison(data / "in-order").runs
    assert list(table["sends"]) == [run.sender.sends for run in runs]


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_table_has_a_name_on_the_command_line(zcprobe: Told, data: Path, table: str) -> None:
    result = zcprobe("export", data / "in-order", "--format", "jsonl", "--table", table)
    runs = load_comparison(data / "in-order").runs
    rows = sum(len(run.read(table)) for run in runs)
    if any(run.has(table) for run in runs):
        assert not rows or [json.loads(line)["run"] for line in result.output.splitlines()].count(runs[0].folder.name)
        assert len(result.output.splitlines()) == rows
    else:
        assert result.code == 2
        assert f"no table {table} was recorded" in result.error[0]


def test_openmetrics_and_trace_go_to_files(zcprobe: Told, data: Path, tmp_path: Path) -> None:
    for name in ("openmetrics", "trace"):
        result = zcprobe("export", data / "held-completions", "--format", name, "-o", tmp_path / name)
        assert (result.code, result.output, result.error) == (0, b"", [])
    assert list(text_string_to_metric_families((tmp_path / "openmetrics").read_text()))
    assert json.loads((tmp_path / "trace").read_bytes())["traceEvents"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["openmetrics", "trace"]


def test_a_format_without_tables_takes_none(zcprobe: Told, data: Path) -> None:
    result = zcprobe("export", data / "in-order", "--format", "trace", "--table", "sends")
    assert result.code == 2
    assert "cannot hold a table" in result.error[0]


def test_of_a_trace_a_span_can_be_chosen(zcprobe: Told, data: Path) -> None:
    words = ("export", next(data.glob("held-completions/*-qemu-merged-*")), "--format", "trace")
    whole, part = zcprobe(*words), zcprobe(*words, "--between", "0.05,0.06")
    assert part.code == 0
    assert 0 < len(json.loads(part.output)["traceEvents"]) < len(json.loads(whole.output)["traceEvents"]) / 2


@pytest.mark.parametrize("span", ["0.0123,0.0123001", "0,0.000000001"])
def test_a_span_in_which_nothing_happened_is_a_trace_without_events(zcprobe: Told, data: Path, span: str) -> None:
    words = ("export", next(data.glob("held-completions/*-qemu-merged-*")), "--format", "trace")
    result = zcprobe(*words, "--between", span)
    assert (result.code, result.error) == (0, [])
    assert json.loads(result.output)["traceEvents"]


def test_a_span_behind_the_last_record_is_refused(zcprobe: Told, data: Path) -> None:
    result = zcprobe("export", data / "held-completions", "--format", "trace", "--between", "50,60")
    assert (result.code, result.output) == (2, b"")
    assert "nothing was recorded from 50 s on" in result.error[0]


@pytest.mark.parametrize("span", ["1", "a,b", "2,1", "1,1", "nan,1"])
def test_what_is_no_span_is_told(zcprobe: Told, data: Path, span: str) -> None:
    result = zcprobe("export", data / "in-order", "--format", "trace", "--between", span)
    assert (result.code, result.output) == (2, b"")
    assert "expected a span of time" in result.error[0]


def test_only_a_trace_has_a_span(zcprobe: Told, data: Path) -> None:
    result = zcprobe("export", data / "in-order", "--format", "csv", "--between", "0,1")
    assert result.code == 2
    assert "--between is only for trace" in result.error[0]


def test_a_missing_package_is_named_with_the_extra_that_has_it(
    zcprobe: Told, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "zcprobe.export.openmetrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    result = zcprobe("export", data / "in-order", "--format", "openmetrics")
    assert (result.code, result.output) == (3, b"")
    assert "prometheus_client" in result.error[0]
    assert "zcprobe[metrics]" in result.error[1]


def test_a_file_is_replaced_only_by_a_whole_one(zcprobe: Told, data: Path, damaged: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("before")
    (damaged / "sends.parquet").unlink()
    assert zcprobe("export", damaged, "--format", "csv", "-o", target).code == 2
    assert target.read_text() == "before"
    assert zcprobe("export", data / "in-order", "--format", "csv", "-o", target).code == 0
    assert target.read_text().startswith('"run"')


def test_a_link_stays_a_link(zcprobe: Told, data: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("before")
    (tmp_path / "link").symlink_to("folder/file")
    assert zcprobe("export", data / "in-order", "-o", tmp_path / "link").code == 0
    assert (tmp_path / "link").is_symlink()
    assert "qemu-pre" in (tmp_path / "folder" / "file").read_text()


@pytest.mark.parametrize("name", ["nothing/out.csv", ".", "/dev/full", "/dev/fd/99999999999"])
def test_what_cannot_be_written_is_told(zcprobe: Told, data: Path, tmp_path: Path, name: str) -> None:
    before = set(JOURNAL_FOLDER.glob("output-*"))
    result = zcprobe("export", data / "in-order", "--format", "csv", "-o", tmp_path / name)
    assert result.code == 2
    assert len(result.error) == 2
    assert "cannot be written" in result.error[0]
    assert set(JOURNAL_FOLDER.glob("output-*")) <= before  # of root, who would have to remove it


def test_a_run_goes_by_the_name_of_its_folder_wherever_one_stands(
    zcprobe: Told, damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(damaged)
    assert zcprobe("export", ".").output.startswith(b"run: completed;")


def test_a_device_is_written_in_place(zcprobe: Told, data: Path) -> None:
    assert zcprobe("export", data / "in-order", "-o", os.devnull).code == 0
    assert not Path(os.devnull).is_file()


def test_help_names_every_format_and_table() -> None:
    verbs = next(action for action in make_parser()._actions if action.dest == "verb")
    export = verbs.choices["export"]  # type: ignore[index, call-overload]
    actions = {action.dest: action for action in export._actions}
    assert set(actions["table"].choices) == {"summary", *TABLES}
    for name in actions["format"].choices:
        assert name in export.epilog
