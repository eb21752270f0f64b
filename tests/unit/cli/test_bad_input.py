# SPDX-License-Identifier: GPL-2.0-only
"""One clear line, one hint, the documented exit code, and nothing on stdout; whichever verb reads the runs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

Told = Callable[..., Any]


VERBS = (("report", "-o", "-"), ("plot",), ("export", "--format", "csv", "--table", "sends"), ("export",))


def _change_metadata(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "run.json"
    content = msgspec.json.decode(path.read_bytes())
    change(content)
    path.write_bytes(msgspec.json.encode(content))


def _truncate(folder: Path) -> None:
    path = folder / "sends.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _put_nan(folder: Path) -> None:
    path = folder / "sends.parquet"
    table = pd.read_parquet(path).astype({"latency_ns": "float64"})
    table.loc[[23, 1009], "latency_ns"] = np.nan
    table.to_parquet(path)


def _put_null(folder: Path) -> None:
    path = folder / "flushes.parquet"
    table = pd.read_parquet(path).astype({"duration_ns": "Int64"})
    table.loc[2, "duration_ns"] = pd.NA
    table.to_parquet(path)


def _drop_rows(folder: Path) -> None:
    path = folder / "notifications.parquet"
    pd.read_parquet(path).head(23).to_parquet(path)


def _drop_column(folder: Path) -> None:
    path = folder / "meminfo.parquet"
    pd.read_parquet(path).drop(columns="optmem_bytes").to_parquet(path)


def _remove_table(folder: Path) -> None:
    (folder / "kernel_events.parquet").unlink()


def _make_newer(folder: Path) -> None:
    _change_metadata(folder, lambda meta: meta.update(format_version=1009))


def _break_json(folder: Path) -> None:
    path = folder / "run.json"
    path.write_bytes(path.read_bytes()[:100])


def _drop_key(folder: Path) -> None:
    _change_metadata(folder, lambda meta: meta.pop("complete"))


def _drop_number(folder: Path) -> None:
    _change_metadata(folder, lambda meta: meta["summary"].update(bytes_sent=None))


def _put_word(folder: Path) -> None:
    _change_metadata(folder, lambda meta: meta["summary"].update(goodput_bps="fast", bytes_missing=0))


def _make_a_list(folder: Path) -> None:
    (folder / "run.json").write_bytes(b"[1009]")


def _remove_metadata(folder: Path) -> None:
    (folder / "run.json").unlink()


DAMAGES: dict[Callable[[Path], None], str] = {
    _truncate: "sends.parquet cannot be read",
    _put_nan: "2 values of column latency_ns are missing (NaN)",
    _put_null: "1 values of column duration_ns are missing (NaN)",
    _drop_rows: "notifications.parquet has 23 rows, recorded were 270",
    _drop_column: "meminfo.parquet has no column optmem_bytes",
    _remove_table: "kernel_events.parquet is missing, though 1,851 rows were recorded",
    _make_newer: "format version 1009",
    _break_json: "cannot be read",
    _drop_key: "run.json has no complete",
    _drop_number: "$.sender.bytes_sent",
    _put_word: "$.sender.goodput_bps",
    _make_a_list: "does not hold the metadata of a run",
    _remove_metadata: "is not a run folder",
}


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
def test_damage_is_told_in_one_line_and_a_hint(
    zcprobe: Told, damaged: Path, verb: tuple[str, ...], damage: Callable[[Path], None]
) -> None:
    damage(damaged)
    result = zcprobe(verb[0], damaged, *verb[1:])
    assert (result.code, result.output) == (2, b"")
    assert len(result.error) == 2
    assert result.error[0].startswith("zcprobe: ")
    assert DAMAGES[damage] in result.error[0]
    assert str(damaged) in result.error[0]
    assert result.error[1].strip()


def _lose_events(meta: dict[str, Any]) -> None:
    finding = next(finding for finding in meta["reconciliation"] if finding["what"] == "lost events")
    finding.update(found=23, holds=False)
    meta["complete"] = False
    meta["summary"]["lost_events"] = 23


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_lost_events_are_exit_code_4_unless_allowed(zcprobe: Told, damaged: Path, verb: tuple[str, ...]) -> None:
    _change_metadata(damaged, _lose_events)
    result = zcprobe(verb[0], damaged, *verb[1:])
    assert (result.code, result.output) == (4, b"")
    assert len(result.error) == 2
    assert "incomplete: lost events" in result.error[0]
    assert "--allow-incomplete" in result.error[1]
    allowed = zcprobe(verb[0], damaged, "--allow-incomplete", *verb[1:])
    assert (allowed.code, allowed.error) == (0, [])
    assert allowed.output


def test_a_comparison_with_a_lossy_run_is_no_better(zcprobe: Told, data: Path, tmp_path: Path) -> None:
    comparison = Path(shutil.copytree(data / "in-order", tmp_path / "comparison"))
    _change_metadata(next(comparison.glob("*-qemu-pre-*")), _lose_events)
    assert zcprobe("export", comparison).code == 4
    lines = zcprobe("export", comparison, "--allow-incomplete").output.decode().splitlines()
    assert [line.endswith("INCOMPLETE, 23 lost") for line in lines].count(True) == 1


def test_a_comparison_without_runs_says_so(zcprobe: Told, data: Path, tmp_path: Path) -> None:
    content = msgspec.json.decode((data / "in-order" / "comparison.json").read_bytes())
    (tmp_path / "comparison.json").write_bytes(msgspec.json.encode(content | {"runs": []}))
    result = zcprobe("report", tmp_path, "-o", "-")
    assert (result.code, result.output) == (2, b"")
    assert "has no runs" in result.error[0]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_folder_that_is_not_there(zcprobe: Told, tmp_path: Path, verb: tuple[str, ...]) -> None:
    result = zcprobe(verb[0], tmp_path / "nothing", *verb[1:])
    assert result.code == 2
    assert "is not a run folder" in result.error[0]


def test_a_run_named_twice_is_counted_twice_by_nobody(zcprobe: Told, data: Path) -> None:
    comparison = data / "in-order"
    result = zcprobe("export", comparison, next(comparison.glob("*-qemu-pre-*")))
    assert result.code == 2
    assert "was given twice" in result.error[0]


@pytest.mark.parametrize("verb", ["report", "plot", "export"])
@pytest.mark.parametrize("damage", ["metadata", "table"])
def test_a_damaged_run_among_others_is_left_out_where_asked(
    zcprobe: Told, data: Path, tmp_path: Path, verb: str, damage: str
) -> None:
    whole = Path(shutil.copytree(data / "in-order", tmp_path / "comparison"))
    victim = next(whole.glob("*-qemu-pre-*"))
    if damage == "metadata":
        (victim / "run.json").write_bytes(b"{")
    else:
        (victim / "sends.parquet").write_bytes(b"PAR1")
    output = {"report": "out.html", "plot": "out.svg", "export": "out.txt"}[verb]
    refused = zcprobe(verb, whole, "-o", tmp_path / output)
    assert refused.code == 2
    assert len(refused.error) == 2
    result = zcprobe(verb, whole, "--skip-damaged", "-o", tmp_path / output)
    assert result.code == 0
    left_out = [line for line in result.error if "left out" in line]
    assert len(left_out) == 1
    assert victim.name in left_out[0]
    if verb == "export":
        assert len((tmp_path / output).read_text().splitlines()) == 2
