# SPDX-License-Identifier: GPL-2.0-only
"""The run folder in tests/data that has digests is changed in every way that loses or mixes up what was recorded."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

import zcprobe
from zcprobe.analysis.comparisons import as_comparison
from zcprobe.analysis.policies import policy_results
from zcprobe.analysis.verdict import verdict
from zcprobe.dataset.facts import flat_facts
from zcprobe.dataset.integrity import DAMAGED, NO_DIGESTS, VERIFIED
from zcprobe.dataset.load import Comparison, Run, RunCollection, load_comparison, load_run
from zcprobe.errors import OutputError
from zcprobe.export.summary import summary_line
from zcprobe.plots.method_line import method_line
from zcprobe.report.html import render_report
from zcprobe.seal import sealed

_COMPARISON = Path(__file__).parents[2] / "data" / "version_2" / "digests"
_RUN = next(_COMPARISON.glob("*-qemu-merged-*"))
_OTHER = next(_COMPARISON.glob("*-qemu-pre-*"))
_OLDER = next(_COMPARISON.parents[1].glob("version_1/held-completions/*-qemu-merged-*"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(_RUN, tmp_path / _RUN.name))


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _edit(folder: Path, **changes: Any) -> None:
    content = msgspec.json.decode((folder / "run.json").read_bytes())
    (folder / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode({**content, **changes})))


def _drop(folder: Path, *members: str) -> None:
    content = msgspec.json.decode((folder / "run.json").read_bytes())
    kept = {name: value for name, value in content.items() if name not in members}
    (folder / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode(kept)))


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "table missing": (lambda folder: (folder / "stalls.parquet").unlink(), "stalls.parquet is missing"),
    "table of another run": (
        lambda folder: shutil.copy(_OTHER / "stalls.parquet", folder),
        r"stalls.parquet (is not as recorded|has [\d,]+ bytes, recorded were)",
    ),
    "table that was not recorded": (
        lambda folder: shutil.copy(_RUN / "sends.parquet", folder / "rounds.parquet"),
        "rounds.parquet is not among the files that run.json names",
    ),
    "a bit in a table": (lambda folder: _flip(folder / "sends.parquet"), "sends.parquet is not as recorded"),
    "a bit in the stacks": (lambda folder: _flip(folder / "stacks.json"), "stacks.json is not as recorded"),
    "a bit in run.json": (lambda folder: _flip(folder / "run.json"), "run.json is not as it was written"),
    "a number in run.json": (lambda folder: _edit(folder, typed=True), "run.json is not as it was written"),
    "no digest of itself": (lambda folder: _drop(folder, "sha256"), "run.json is not as it was written"),
    "nor a word of it": (lambda folder: _drop(folder, "sha256", "format_minor"), "run.json is not as it was written"),
    "no digests of the others": (lambda folder: _drop(folder, "sha256", "files"), "run.json is not as it was written"),
    "metadata of another run": (
        lambda folder: shutil.copy(_OTHER / "run.json", folder),
        r"sends.parquet (is not as recorded|has [\d,]+ bytes, recorded were)",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_folder_that_is_not_as_recorded_is_refused(copied: Path, change: str) -> None:
    assert load_run(copied).integrity == VERIFIED
    CHANGES[change][0](copied)
    with pytest.raises(OutputError, match=CHANGES[change][1]) as caught:
        zcprobe.load(copied)
    assert "allow_damaged=True" in caught.value.hint
    with pytest.raises(OutputError, match=CHANGES[change][1]):
        zcprobe.load_runs(copied.parent)


def test_digests_come_before_parsing(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: Any, **__: Any) -> Any:
        raise AssertionError("parsed")

    _flip(copied / "stalls.parquet")
    monkeypatch.setattr("pyarrow.parquet.ParquetFile", parse)
    with pytest.raises(OutputError, match=r"stalls.parquet is not as recorded"):
        load_run(copied)
    _flip(copied / "run.json")
    monkeypatch.setattr("msgspec.json.decode", parse)
    with pytest.raises(OutputError, match=r"run.json is not as it was written"):
        load_run(copied)


def test_a_table_that_changes_after_loading_is_refused_when_it_is_read(copied: Path) -> None:
    run = load_run(copied)
    assert len(run.sends)
    shutil.copy(_OTHER / "flushes.parquet", copied)
    with pytest.raises(OutputError, match=r"flushes.parquet"):
        run.read("flushes")
    with pytest.raises(OutputError, match=r"flushes.parquet"):
        RunCollection([run]).query("select * from flushes")
    _flip(copied / "stacks.json")
    with pytest.raises(OutputError, match=r"stacks.json"):
        _ = run.stacks


def test_a_comparison_has_the_runs_that_it_was_made_of(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(_COMPARISON, tmp_path / "comparison"))
    assert len(load_comparison(folder)) == 3
    shutil.rmtree(folder / _RUN.name)
    shutil.copytree(_OTHER, folder / _RUN.name)
    with pytest.raises(OutputError, match=r"run.json is that of another run than the list of runs names"):
        load_comparison(folder)
    allowed = load_comparison(folder, allow_damaged=True)
    assert [bool(run.damage) for run in allowed].count(True) == 1
    shutil.rmtree(folder / _RUN.name)
    (folder / _RUN.name).symlink_to(_RUN)
    with pytest.raises(OutputError, match="is a symbolic link, not a run's folder"):
        load_comparison(folder)


@pytest.mark.parametrize("name", ["..", ".", "/etc", "a/b", "../comparison", ""])
def test_a_comparison_names_nothing_outside_of_its_folder(tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(_COMPARISON, tmp_path / "comparison"))
    content = msgspec.json.decode((folder / "comparison.json").read_bytes())
    content.pop("sha256")
    content["runs"][0]["folder"] = name
    (folder / "comparison.json").write_bytes(sealed(content))
    with pytest.raises(OutputError, match="is not what a run has"):
        load_comparison(folder)


def _damaged(folder: Path) -> Run:
    """Changes the folder as somebody would on purpose: it removes rows from a table."""
    path = folder / "stalls.parquet"
    pd.read_parquet(path).head(0).to_parquet(path)
    loaded = zcprobe.load(folder, allow_damaged=True)
    assert isinstance(loaded, Run)
    return loaded


@pytest.mark.picture
def test_a_changed_folder_loads_when_asked_for_and_says_so_everywhere(copied: Path) -> None:
    run = _damaged(copied)
    assert (run.integrity, len(run.stalls), len(run.damage)) == (DAMAGED, 0, 1)
    runs = zcprobe.load_runs(copied.parent, allow_damaged=True)
    comparison = as_comparison(run)
    for text in (
        repr(run),
        repr(runs),
        run._repr_html_(),
        runs._repr_html_(),
        method_line([run]),
        summary_line(run),
        *verdict(policy_results([run]), [run])[-1:],
        render_report([comparison], Path(), most_drawn=0),
    ):
        assert DAMAGED in text
    assert flat_facts(run)["integrity"] == DAMAGED


def test_a_table_that_is_missing_is_empty_where_that_is_allowed(copied: Path) -> None:
    (copied / "sends.parquet").unlink()
    run = load_run(copied, allow_damaged=True)
    assert not run.has("sends")
    assert len(run.sends) == 0


def test_older_folders_load_as_before_and_say_nothing_false(tmp_path: Path) -> None:
    run = load_run(_OLDER)
    assert (run.integrity, run.damage) == (NO_DIGESTS, [])
    assert DAMAGED not in repr(run) + run._repr_html_() + method_line([run])
    assert NO_DIGESTS in render_report([as_comparison(run)], Path(), most_drawn=0)


def test_a_run_cannot_say_itself_that_it_is_whole(copied: Path) -> None:
    content = msgspec.json.decode((copied / "run.json").read_bytes())
    summary = {**content["summary"], "integrity": VERIFIED, "run": "another", "complete": 7}
    _edit(copied, summary=summary, integrity=VERIFIED, damage=[])
    facts = flat_facts(load_run(copied, allow_damaged=True))
    assert (facts["integrity"], facts["run"], facts["complete"]) == (DAMAGED, copied.name, True)


def test_a_table_is_hashed_once(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = load_run(copied)
    hashed: list[str] = []
    monkeypatch.setattr("zcprobe.dataset.integrity._sha256", lambda file: hashed.append(os.readlink(file.fileno())))
    assert isinstance(run.read("sends"), pd.DataFrame)
    assert hashed == []


def test_the_shipped_comparison_is_whole() -> None:
    comparison = zcprobe.load(_COMPARISON)
    assert isinstance(comparison, Comparison)
    assert {run.integrity for run in comparison} == {VERIFIED}
    assert np.all([len(run.kernel_events) for run in comparison])
