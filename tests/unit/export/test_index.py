# SPDX-License-Identifier: GPL-2.0-only
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.many_runs import make_runs
from tests.unit.indexed import update_index
from zcprobe.dataset.index_file import INDEX_FILE, ORIGIN
from zcprobe.dataset.load import load_collection, load_runs
from zcprobe.errors import OutputError, UsageError
from zcprobe.export.index import Indexing

_DATA = Path(__file__).parents[2] / "data" / "version_3"
_MADE = 23


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return Path(shutil.copytree(_DATA / "runs", tmp_path / "results"))


def _run_folders(results: Path) -> list[Path]:
    return sorted(path.parent for path in results.glob("*/run.json"))


def test_any_reader_of_parquet_has_a_row_per_run(results: Path) -> None:
    update_index(results)
    table = pq.read_table(results / INDEX_FILE)
    assert table["run"].to_pylist() == [folder.name for folder in _run_folders(results)]
    assert table["index_folder"].to_pylist() == [os.fsencode(folder.name) for folder in _run_folders(results)]
    assert table["sends"].to_pylist() == [run.sender.sends for run in load_collection(results)]


def test_only_runs_that_are_new_or_changed_are_read(results: Path) -> None:
    first, second, *_ = _run_folders(results)
    aside = shutil.move(first, results.parent / first.name)
    assert Indexing(results).unread == _run_folders(results)
    update_index(results)
    assert Indexing(results).unread == []
    assert Indexing(results, rebuild=True).unread == _run_folders(results)
    shutil.move(aside, first)
    os.utime(second / "run.json", ns=(0, 0))
    assert Indexing(results).unread == [first, second]
    update_index(results)
    assert Indexing(results).unread == []


def test_the_same_runs_give_the_same_file_however_it_came_about(results: Path) -> None:
    whole = Indexing(results, rebuild=True).make()
    gone = shutil.move(_run_folders(results)[2], results.parent / "gone")
    update_index(results)
    shutil.move(gone, results / _names(whole)[2])
    assert Indexing(results).make() == whole
    update_index(results)
    assert (results / INDEX_FILE).read_bytes() == whole
    assert sorted(path.name for path in results.iterdir() if not path.is_dir()) == [INDEX_FILE]


def _names(content: bytes) -> list[str]:
    return pq.read_table(pa.BufferReader(content))["run"].to_pylist()


def test_a_damaged_run_has_no_row_and_is_named(results: Path) -> None:
    first, *others = _run_folders(results)
    (first / "run.json").write_bytes(b"{")
    indexing = Indexing(results)
    assert _names(indexing.make()) == [folder.name for folder in others]
    assert len(indexing.skipped) == 1
    assert str(first) in indexing.skipped[0]
    (first / "run.json").unlink()
    indexing = Indexing(results)
    assert (len(indexing.make()) > 0, indexing.skipped) == (True, [])


def test_where_every_run_is_damaged_the_index_is_empty(results: Path) -> None:
    for folder in _run_folders(results):
        (folder / "run.json").write_bytes(b"{")
    indexing = Indexing(results)
    (results / INDEX_FILE).write_bytes(indexing.make())
    assert len(indexing.skipped) == len(_run_folders(results))
    assert len(pq.read_table(results / INDEX_FILE)) == 0
    assert Indexing(results).unread == _run_folders(results)


def test_a_damaged_index_is_replaced_without_a_word(results: Path) -> None:
    update_index(results)
    whole = (results / INDEX_FILE).read_bytes()
    (results / INDEX_FILE).write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    assert Indexing(results).unread == _run_folders(results)
    update_index(results)
    assert (results / INDEX_FILE).read_bytes() == whole


def test_a_folder_without_runs_has_no_index(tmp_path: Path, results: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(OutputError, match="holds no run"):
        Indexing(tmp_path / "empty")
    with pytest.raises(UsageError, match="is the folder of one run"):
        Indexing(_run_folders(results)[0])


def test_a_link_in_the_place_of_the_index_is_not_followed(results: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (results / INDEX_FILE).symlink_to(tmp_path / "theirs")
    with pytest.raises(OutputError, match="symbolic link"):
        Indexing(results)


@pytest.mark.bulk
def test_hundreds_of_runs_that_look_real_are_indexed_and_asked_without_opening_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list(make_runs(tmp_path, 331, _MADE))
    plain = load_collection(tmp_path)
    assert len(plain) == len(set(made)) == 331
    assert {run.integrity for run in plain} == {"verified"}
    update_index(tmp_path)
    opened: list[str] = []
    real = os.open

    def note(path: str, *words: int, **more: int) -> int:
        opened.append(str(path))
        return real(path, *words, **more)

    monkeypatch.setattr(os, "open", note)
    sql = "select policy, kernel_release, count(*) as n, sum(sends) as sends from runs group by all order by all"
    by_index = load_runs(tmp_path).query(sql)
    assert opened == [str(tmp_path / INDEX_FILE)]
    assert by_index.equals(plain.query(sql))
    assert by_index["n"].sum() == 331
    assert set(ORIGIN.names).isdisjoint(load_runs(tmp_path).query("select * from runs").columns)
