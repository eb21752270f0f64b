# SPDX-License-Identifier: GPL-2.0-only
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zcprobe as package
from zcprobe.dataset.index_file import INDEX_FILE
from zcprobe.dataset.indexed_runs import IndexedRuns

Told = Callable[..., Any]


@pytest.fixture
def results(data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data / "in-order", tmp_path / "results"))


def test_it_says_how_many_runs_it_has_read(zcprobe: Told, results: Path) -> None:
    said = [zcprobe("index", results), zcprobe("index", results), zcprobe("index", results, "--rebuild")]
    assert [(one.code, one.error) for one in said] == [(0, [])] * 3
    read = ("3 read, 0 unchanged", "0 read, 3 unchanged", "3 read, 0 unchanged")
    assert [one.output.decode() for one in said] == [f"{results}/{INDEX_FILE}: 3 runs, {told}\n" for told in read]
    assert isinstance(package.load_runs(f"{results}/*"), IndexedRuns)


def test_the_current_folder_is_a_folder(zcprobe: Told, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(results)
    assert zcprobe("index", ".").code == 0
    assert isinstance(package.load_runs(f"{results}/*"), IndexedRuns)
    assert isinstance(package.load_runs("*"), IndexedRuns)


def test_a_damaged_run_is_named_and_the_others_have_their_rows(zcprobe: Told, results: Path) -> None:
    run = next(results.glob("*-qemu-pre-*"))
    (run / "run.json").write_bytes(b"\x1b")
    result = zcprobe("index", results)
    assert result.code == 4
    (line,) = result.error
    assert line.startswith(f"zcprobe: left out: {run}/run.json cannot be read")
    assert f"{INDEX_FILE}: 2 runs, 3 read" in result.output.decode()
    with pytest.warns(UserWarning, match="left out"):
        assert len(package.load_runs(f"{results}/*", skip_damaged=True)) == 2


def test_what_holds_no_runs_is_refused_in_two_lines(zcprobe: Told, results: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run = next(results.glob("*-qemu-pre-*"))
    for folder, what in (
        (tmp_path / "empty", "holds no run"),
        (tmp_path / "none", "holds no run"),
        (run, "of one run"),
    ):
        result = zcprobe("index", folder)
        assert (result.code, len(result.error)) == (2, 2)
        assert what in result.error[0]
    assert not (run / INDEX_FILE).exists()


def test_a_file_of_somebody_else_is_not_overwritten(zcprobe: Told, results: Path) -> None:
    (results / INDEX_FILE).write_bytes(b"mine")
    result = zcprobe("index", results)
    assert (result.code, len(result.error)) == (2, 2)
    assert (results / INDEX_FILE).read_bytes() == b"mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="root may write everywhere, others may not")
def test_a_folder_that_cannot_be_written_is_one_error(zcprobe: Told) -> None:
    result = zcprobe("index", "/proc/self")
    assert (result.code, len(result.error)) == (2, 2)
