# SPDX-License-Identifier: GPL-2.0-only
"""Runs that an index knows are the same runs, and nothing that changed since the index was made is taken from it."""

import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pytest

from tests.unit.indexed import update_index
from zcprobe.dataset import index_file
from zcprobe.dataset.index import known_rows
from zcprobe.dataset.index_file import INDEX_FILE, decode_index, encode_index
from zcprobe.dataset.indexed_runs import IndexedRuns
from zcprobe.dataset.load import RunCollection, load_collection, load_run, load_runs
from zcprobe.errors import DataLossError, OutputError, ReconciliationError
from zcprobe.seal import sealed

_DATA = Path(__file__).parents[2] / "data"
_ALL = "select * from runs order by run"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A comparison, runs of several kinds and an attachment, each as its command leaves it, and their index."""
    folder = tmp_path / "results"
    shutil.copytree(_DATA / "version_3" / "held-completions", folder / "comparison")
    for kept in [*sorted((_DATA / "version_1" / "memlock").glob("*-qemu-*")), *(_DATA / "version_3").glob("att*/*")]:
        shutil.copytree(kept, folder / kept.name)
    update_index(folder)
    return folder


def _change(folder: Path, **members: Any) -> None:
    """Changes run.json, and seals it again."""
    content = {**msgspec.json.decode((folder / "run.json").read_bytes()), **members}
    content.pop("sha256", None)
    (folder / "run.json").write_bytes(sealed(content) if content["files"] else msgspec.json.encode(content))


def _some_run(results: Path) -> Path:
    return sorted(results.glob("comparison/*-qemu-pre-*"))[0]


def _known(results: Path) -> dict[str, int]:
    found = load_runs(results)
    assert isinstance(found, IndexedRuns)
    return found._known.row_of


def _without_index(results: Path) -> RunCollection:
    (results / INDEX_FILE).unlink()
    found = load_collection(results)
    assert type(found) is RunCollection
    return found


def test_a_query_has_the_same_answer_with_and_without_an_index(results: Path) -> None:
    by_index = load_runs(results)
    assert isinstance(by_index, IndexedRuns)
    found = by_index.query(_ALL)
    plain = _without_index(results)
    assert len(found) == len(plain) == 19
    pd.testing.assert_frame_equal(found, plain.query(_ALL))
    assert (by_index.policies, by_index.scenarios, by_index.watched) == (plain.policies, plain.scenarios, 1)
    assert repr(by_index) == repr(plain).replace("RunCollection", "IndexedRuns")


def test_what_the_index_knows_opens_no_run(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a run was loaded")

    monkeypatch.setattr("zcprobe.dataset.load._read", refuse)
    for path in (results, f"{results}/*", f"{results}/comp*/*-qemu-merged-*"):
        found = load_runs(path)
        assert found.query("select count(*) as n from runs")["n"].tolist() == [len(found)]
        assert "qemu-merged" in repr(found)
    with pytest.raises(AssertionError, match="a run was loaded"):
        found[0]


def test_a_run_is_loaded_once_and_is_the_run(results: Path) -> None:
    found, plain = load_runs(results), load_collection(_DATA / "version_3" / "held-completions")
    assert found[0] is found[0] is found[:1][0] is next(iter(found)) is found.runs[0]
    assert [run.name for run in found.runs_of("qemu-pre")] == sorted(
        run.name for run in found if run.meta.sender and run.policy == "qemu-pre"
    )
    assert {run.name: run.digest for run in plain}.items() <= {run.name: run.digest for run in found}.items()
    assert found.query("select count(*) as n from sends")["n"][0] == sum(
        len(run.sends) for run in found if run.has("sends")
    )


def test_a_slice_is_a_collection_of_those_runs(results: Path) -> None:
    found = load_runs(results)
    part = found[2:5]
    names = part.query("select run from runs")["run"].tolist()
    assert names == [run.name for run in part] == [run.name for run in found][2:5]


def test_a_run_that_has_changed_since_is_read_from_its_folder(results: Path) -> None:
    run = _some_run(results)
    _change(run, zcprobe_version="0.0.23")
    told = load_runs(results).query("select zcprobe_version from runs where run = " + f"'{run.name}'")
    assert told["zcprobe_version"].tolist() == ["0.0.23"]


def test_runs_come_and_go(results: Path) -> None:
    gone = _some_run(results)
    shutil.rmtree(gone)
    added = Path(shutil.copytree(next((_DATA / "version_3" / "runs").iterdir()), results / "later"))
    assert {run.folder for run in load_runs(results)} & {gone, added} == {added}
    told = load_runs(results).query(_ALL)
    assert (gone.name in set(told["run"]), added.name in set(told["run"]), len(told)) == (False, True, 19)
    pd.testing.assert_frame_equal(told, _without_index(results).query(_ALL), check_like=True)  # columns in any order


def test_a_run_whose_table_was_damaged_since_is_refused_when_it_is_asked_for(results: Path) -> None:
    run = _some_run(results)
    (run / "sends.parquet").write_bytes(b"")
    found = load_runs(results)
    with pytest.raises(OutputError, match=r"sends\.parquet has 0 bytes"):
        found.runs_of("qemu-pre")
    with pytest.raises(OutputError, match=r"sends\.parquet has 0 bytes"):
        found.query("select count(*) from sends")
    allowed = load_runs(results, allow_damaged=True)
    assert len(allowed.runs_of("qemu-merged")) == 6
    assert allowed.damage == []


def test_a_damaged_run_without_a_row_is_refused_or_left_out(results: Path) -> None:
    run = _some_run(results)
    (run / "run.json").write_bytes(b"{}")
    with pytest.raises(OutputError, match="format version"):
        load_runs(results)
    with pytest.warns(UserWarning, match="left out: .*format version"):
        found = load_runs(results, skip_damaged=True)
    assert (len(found), len(found.skipped)) == (18, 1)
    assert len(found.query(_ALL)) == 18


@pytest.mark.parametrize(
    ("change", "error", "allowed"),
    [
        ({"complete": False}, ReconciliationError, {"allow_incomplete": True}),
        ({"complete": False, "kernel": {"lost_events": 23}}, DataLossError, {"allow_lost": True}),
    ],
)
def test_an_incomplete_run_is_refused_as_without_an_index(
    results: Path, change: dict[str, Any], error: type[Exception], allowed: dict[str, bool]
) -> None:
    run = _some_run(results)
    kernel = msgspec.json.decode((run / "run.json").read_bytes())["kernel"]
    _change(run, **change | {"kernel": kernel | change.get("kernel", {})})
    update_index(results)
    with pytest.raises(error):
        load_runs(results)
    assert len(load_runs(results, **allowed)) == 19


def test_many_runs_are_shown_by_their_outcomes(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "<td" in load_runs(results)._repr_html_()
    monkeypatch.setattr("zcprobe.dataset.indexed_runs.MOST_ROWS", 18)
    shown = load_runs(results)._repr_html_()
    assert "<b>19 runs</b>, from an index" in shown
    assert "1 watched" in shown
    assert shown.count("qemu-pre") == 2  # in two scenarios


@pytest.mark.parametrize("name", [b"bad\xff", b"a\nb", b"it's", b"a[b]*"])
def test_a_folder_may_have_any_name(results: Path, name: bytes) -> None:
    odd = os.fsencode(results) + b"/" + name
    os.rename(_some_run(results), odd)
    update_index(results)
    assert os.fsdecode(odd) in _known(results)
    assert len(load_runs(results).query(_ALL)) == 19


def test_an_index_below_serves_for_what_is_above(results: Path) -> None:
    update_index(results / "comparison")
    (results / INDEX_FILE).unlink()
    assert len(_known(results)) == 15
    update_index(results)
    (results / "comparison" / INDEX_FILE).unlink()
    assert len(_known(results)) == 19


def test_results_moved_as_a_whole_keep_their_index(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "copy")  # keeps the times of files, as cp -a does
    assert len(_known(tmp_path / "copy")) == 19


def test_a_row_is_not_that_of_another_run_than_a_list_names(results: Path) -> None:
    run = load_run(_some_run(results))
    for digest, rows in ((None, 1), (run.digest, 1), ("0" * 64, 0)):
        assert len(known_rows({run.folder: digest}, results).row_of) == rows


@pytest.mark.fuzz
def test_no_bit_of_an_index_can_change_an_answer(results: Path) -> None:
    for kept in sorted(results.iterdir()):
        if kept.is_dir() and "memlock" not in kept.name:
            shutil.rmtree(kept)
    update_index(results)
    whole = (results / INDEX_FILE).read_bytes()
    expected = load_runs(results).query(_ALL)
    positions = [*range(0, len(whole), len(whole) // 150), *range(len(whole) - 40, len(whole))]
    for number, position in enumerate(positions):
        changed = bytearray(whole)
        changed[position] ^= 1 << position % 8
        (results / INDEX_FILE).write_bytes(changed)
        try:
            with pytest.warns(UserWarning, match=r"not used: .*index\.parquet"):
                found = load_runs(results)
        except pytest.fail.Exception:  # nothing shows any more that the file was an index
            found = load_runs(results)
        assert type(found) is RunCollection
        if number % 10 == 0:  # a collection without an index reads the folders, whatever was wrong with the index
            pd.testing.assert_frame_equal(found.query(_ALL), expected)


def test_a_foreign_file_of_that_name_is_left_alone(results: Path) -> None:
    (results / INDEX_FILE).write_bytes(b"PAR1 of somebody else PAR1")
    assert type(load_runs(results)) is RunCollection
    with pytest.raises(OutputError, match="not an index that zcprobe wrote"):
        update_index(results)
    assert (results / INDEX_FILE).read_bytes() == b"PAR1 of somebody else PAR1"


def test_an_index_of_another_version_is_not_used_and_is_replaced(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_file._maker.cache_clear()
    monkeypatch.setattr(index_file, "VERSION", "99.0")
    assert type(load_runs(results)) is RunCollection
    update_index(results)
    assert isinstance(load_runs(results), IndexedRuns)
    index_file._maker.cache_clear()


def _rewrite(results: Path, column: str, value: Any) -> None:
    """An index with a right digest that nobody but a stranger has written."""
    table = decode_index(results / INDEX_FILE)
    assert table is not None
    values = pa.array([value] * len(table)) if value is not None else pa.nulls(len(table), table[column].type)
    at = table.schema.get_field_index(column)
    table = table.set_column(at, column, values) if at >= 0 else table.append_column(column, values)
    (results / INDEX_FILE).write_bytes(encode_index(table))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("policy", "a\x1b[2Jb"),
        ("policy", 7),
        ("outcome", "escaped"),
        ("sends", "many"),
        ("index_folder", "text"),
        ("index_run_json_bytes", None),
        ("\u202e", 1),
        ("more", [1, 2]),
    ],
)
def test_what_no_index_has_is_not_used(results: Path, column: str, value: Any) -> None:
    _rewrite(results, column, value)
    with pytest.warns(UserWarning, match="other columns than an index|cannot be printed|another outcome than"):
        found = load_runs(results)
    assert type(found) is RunCollection


@pytest.mark.parametrize("path", ["..", "/", "."])
def test_an_index_tells_nothing_of_runs_elsewhere(results: Path, tmp_path: Path, path: str) -> None:
    run = _some_run(results)
    (tmp_path / "elsewhere").mkdir()
    outside = Path(shutil.move(run, tmp_path / "elsewhere" / run.name))
    names = {"..": f"../elsewhere/{run.name}", "/": str(outside), ".": f"comparison/../../elsewhere/{run.name}"}
    _rewrite(results, "index_folder", names[path].encode())
    found = load_collection(f"{tmp_path}/*/*")
    assert not isinstance(found, IndexedRuns)
    assert outside in [one.folder for one in found]
