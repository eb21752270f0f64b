# SPDX-License-Identifier: GPL-2.0-only
import os
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

import zcprobe
from tests.unit.changed import stored_results
from zcprobe.analysis.comparisons import with_results
from zcprobe.dataset.load import Comparison, Run, RunCollection, load_comparison, load_run
from zcprobe.errors import DataLossError, OutputError, ReconciliationError
from zcprobe.format.comparison import COMPARISON_FILE
from zcprobe.format.intervals import Estimate
from zcprobe.format.metadata import FORMAT_VERSION
from zcprobe.format.overhead import LevelCost, Overhead
from zcprobe.seal import sealed

_KEPT = Path(__file__).parents[2] / "data"
_DATA = _KEPT / "version_1"
_RUN = next((_DATA / "held-completions").glob("*-qemu-pre-*"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A run folder that a test may damage."""
    return Path(shutil.copytree(_RUN, tmp_path / _RUN.name))


def _change(folder: Path, **changes: Any) -> None:
    path = folder / "run.json"
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), **changes}))


def test_a_path_gives_what_is_there() -> None:
    assert isinstance(zcprobe.load(_RUN), Run)
    assert isinstance(zcprobe.load(str(_DATA / "held-completions")), Comparison)
    everything = zcprobe.load(_DATA)
    assert isinstance(everything, RunCollection)
    assert not isinstance(everything, Comparison)
    assert len(everything) == len(list(_DATA.rglob("run.json")))


def test_a_pattern_gives_the_runs_that_match() -> None:
    found = zcprobe.load(f"{_DATA}/*/*-qemu-pre-*")
    assert isinstance(found, RunCollection)
    assert found.policies == ["qemu-pre"]
    assert len(found) == len(list(_DATA.glob("*/*-qemu-pre-*")))
    assert [run.folder.name for run in found] == sorted(run.folder.name for run in found)


def test_a_collection_is_a_sequence_of_runs() -> None:
    collection = zcprobe.load(_DATA)
    assert isinstance(collection, RunCollection)
    assert isinstance(collection[2:5], RunCollection)
    assert [run.folder for run in collection[2:5]] == [run.folder for run in collection.runs[2:5]]
    assert {run.policy for run in collection.runs_of("qemu-pre")} == {"qemu-pre"}


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 0, None, "1", "a" * 4000, [1] * 2000])
def test_a_version_that_is_not_known_is_refused(copied: Path, version: object) -> None:
    _change(copied, format_version=version)
    with pytest.raises(OutputError, match="format version " + re.escape(repr(version)[:30])) as caught:
        zcprobe.load(copied)
    assert len(str(caught.value)) < 300


def test_findings_of_runs_that_do_not_tell_their_kind_are_differences(run: Run) -> None:
    tells = '"kind"' in (run.folder / "run.json").read_text().partition('"reconciliation"')[2]
    assert {finding.kind for finding in run.meta.reconciliation} == {"mismatch", *(["lost"] if tells else [])}


def test_lost_events_are_their_own_error_unless_allowed(copied: Path) -> None:
    _change(copied, complete=False, summary={**stored_results(load_run(copied)), "lost_events": 23})
    with pytest.raises(DataLossError, match="23 events or records"):
        zcprobe.load(copied)
    with pytest.raises(DataLossError):
        zcprobe.load(copied, allow_incomplete=True)
    assert "23 events or records were lost" in zcprobe.load(copied, allow_lost=True)._repr_html_()


def test_counts_that_differ_are_their_own_error_unless_allowed(copied: Path) -> None:
    finding = {"what": "sends", "expected": 2, "found": 3, "holds": False}
    _change(copied, complete=False, reconciliation=[finding])
    for allowed in ({}, {"allow_lost": True}):
        with pytest.raises(ReconciliationError, match="incomplete: sends"):
            zcprobe.load(copied, **allowed)
    assert "independent counts differ: sends" in zcprobe.load(copied, allow_incomplete=True)._repr_html_()


def test_an_incomplete_run_is_met_in_a_comparison_and_in_a_collection_too(tmp_path: Path) -> None:
    whole = Path(shutil.copytree(_RUN.parent, tmp_path / "comparison"))
    _change(whole / _RUN.name, complete=False)
    for path in (whole, tmp_path):
        with pytest.raises(ReconciliationError):
            zcprobe.load(path)
        loaded = zcprobe.load(path, allow_incomplete=True)
        assert isinstance(loaded, RunCollection)
        assert len(loaded) == 3
    # whatever shows the comparison says so beside the run
    assert len(load_comparison(whole)) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "cannot be read"),
        (b"[]", "does not hold the metadata of a run"),
        (b'{"format_version": 1}', "has no config, scenario, lab, host, summary, complete"),
    ],
)
def test_damaged_metadata_are_one_error(copied: Path, content: bytes, message: str) -> None:
    (copied / "run.json").write_bytes(content)
    with pytest.raises(OutputError, match=message):
        zcprobe.load(copied)


def test_what_is_no_run_says_so_and_why(tmp_path: Path) -> None:
    for path, hint in (
        (tmp_path, "name a folder"),
        (tmp_path / "nothing", "nothing of that name"),
        (tmp_path / ".name.partial", "doctor --clean"),
        (f"{tmp_path}/*-pre-*", "nothing of that name"),
    ):
        with pytest.raises(OutputError, match="is not a run folder") as caught:
            zcprobe.load(path)
        assert hint in caught.value.hint


def test_unfinished_runs_are_left_out(copied: Path) -> None:
    shutil.copytree(copied, copied.parent / f".{copied.name}.partial")
    collection = zcprobe.load(copied.parent)
    assert isinstance(collection, RunCollection)
    assert [run.folder for run in collection] == [copied]


def test_metadata_from_before_there_were_channels_are_completed() -> None:
    run = load_run(_RUN)
    assert "channels" not in msgspec.json.decode((_RUN / "run.json").read_bytes())
    assert run.meta.config.channels == 1
    assert run.sender.stall_ns_max is None
    assert [channel.sends for channel in run.meta.channels] == [run.sender.sends]


def test_a_run_shows_what_ran_and_the_numbers_that_matter() -> None:
    run = load_run(_RUN)
    html = run._repr_html_()
    for text in (
        "qemu-pre",
        "held-completions",
        "dead of ENOBUFS",
        f"{run.sender.sends:,} sends",
        "unread",
        "COPIED",
    ):
        assert text in html
    strange = Run(Path("<b>&x"), run.meta)
    assert "<b>&x" not in strange._repr_html_()


def test_a_collection_shows_a_row_per_run_and_each_warning_once() -> None:
    collection = zcprobe.load(_DATA / "no-probes")
    assert isinstance(collection, RunCollection)
    html = collection._repr_html_()
    assert html.count("<tr>") == len(collection) + 1
    assert html.count("no probes: causes") == 1
    assert f"{len(collection)} of {len(collection)} runs" in html


@pytest.fixture
def one_damaged(tmp_path: Path) -> Path:
    """A folder with a comparison of three runs, one of which has half a run.json, and with a separate run."""
    whole = Path(shutil.copytree(_RUN.parent, tmp_path / "results" / "comparison"))
    shutil.copytree(next((_DATA / "in-order").glob("*-qemu-pre-*")), tmp_path / "results" / "alone")
    path = whole / _RUN.name / "run.json"
    path.write_bytes(path.read_bytes()[:1009])
    return tmp_path / "results"


@pytest.mark.parametrize("below", ["", "comparison"])
def test_one_damaged_run_is_an_error_or_left_out_by_name(one_damaged: Path, below: str) -> None:
    folder = one_damaged / below
    with pytest.raises(OutputError, match=r"run\.json cannot be read") as caught:
        zcprobe.load(folder)
    assert "skip_damaged=True" in caught.value.hint
    with pytest.warns(UserWarning, match="left out: .*-qemu-pre-.*run.json cannot be read"):
        loaded = zcprobe.load(folder, skip_damaged=True)
    assert isinstance(loaded, RunCollection)
    assert len(loaded) == (2 if below else 3)
    assert len(loaded.skipped) == 1
    assert "left out" in loaded._repr_html_()


def test_a_folder_with_nothing_but_damage_has_no_runs_to_load(copied: Path) -> None:
    (copied / "run.json").write_bytes(b"{")
    with pytest.raises(OutputError, match="all 1 runs are damaged"):
        zcprobe.load(copied.parent, skip_damaged=True)


@pytest.mark.parametrize("changes", [{"summary": 23}, {"config": []}, {"channels": 7}])
def test_metadata_of_another_kind_are_one_error(copied: Path, changes: dict[str, Any]) -> None:
    _change(copied, **changes)
    with pytest.raises(OutputError, match="is not what a run has"):
        zcprobe.load(copied)


def test_no_path_and_a_whole_disk_are_one_error_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for load in (zcprobe.load, zcprobe.load_runs):
        with pytest.raises(OutputError, match="an empty path does not name a run"):
            load("")
    monkeypatch.setattr("zcprobe.dataset.find._MOST_FOLDERS", 23)
    with pytest.raises(OutputError, match="more than 23 folders at / hold no run"):
        zcprobe.load("/")
    (tmp_path / "a" / "b").mkdir(parents=True)
    shutil.copytree(_RUN, tmp_path / "a" / "b" / "run")
    assert len(zcprobe.load_runs(tmp_path)) == 1


def test_a_folder_that_may_not_be_entered_is_passed_by(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copied.parent / "locked").mkdir()
    scan = os.scandir

    def refuse(folder: Path) -> Any:
        if Path(folder).name == "locked":
            raise PermissionError(folder)
        return scan(folder)

    monkeypatch.setattr("os.scandir", refuse)
    assert [run.folder for run in zcprobe.load_runs(copied.parent)] == [copied]


def test_runs_are_a_sequence_whatever_the_path_names() -> None:
    assert [run.folder for run in zcprobe.load_runs(_RUN)] == [_RUN]
    assert isinstance(zcprobe.load_runs(_RUN.parent), Comparison)


def _write_comparison(folder: Path, content: object) -> None:
    (folder / COMPARISON_FILE).write_bytes(sealed(content))


def test_a_comparison_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = load_comparison(_KEPT / "version_3" / "held-completions")
    shutil.copytree(whole.folder, tmp_path, dirs_exist_ok=True)
    cost = Overhead(65536, "tracepoint", 1, [LevelCost("full", [0.9], Estimate(1, 0.9, None, None), [])])
    written = replace(with_results(whole).meta, overhead=cost)
    _write_comparison(tmp_path, written)
    assert load_comparison(tmp_path).meta == written
    assert written.verdicts


def test_a_comparison_of_a_later_minor_version_keeps_what_is_not_known(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(_KEPT / "version_3" / "no-probes", tmp_path / "comparison"))
    content = msgspec.json.decode((folder / COMPARISON_FILE).read_bytes())
    del content["sha256"]
    content["runs"][0]["weather"] = "rain"
    _write_comparison(folder, content | {"weather": "sun"})
    meta: Any = load_comparison(folder).meta
    assert (meta.weather, meta.runs[0].weather) == ("sun", "rain")


def test_a_policy_without_results_has_none_whatever_version_wrote_it(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(_KEPT / "version_3" / "no-probes", tmp_path / "comparison"))
    content = msgspec.json.decode((folder / COMPARISON_FILE).read_bytes())
    del content["sha256"]
    written: list[dict[str, object] | None] = [{}, None]
    for nothing in written:
        _write_comparison(folder, content | {"policies": {"qemu-pre": nothing, "qemu-merged": nothing}})
        assert load_comparison(folder).meta.policies == {"qemu-pre": None, "qemu-merged": None}
