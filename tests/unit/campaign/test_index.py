# SPDX-License-Identifier: GPL-2.0-only
"""A campaign keeps the index of its runs, from which they are loaded."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from zcprobe import journal as journal_module
from zcprobe.campaign.folder import CampaignFolder, make_campaign, open_campaign
from zcprobe.campaign.index import index_runs
from zcprobe.dataset.index_file import INDEX_FILE
from zcprobe.dataset.indexed_runs import IndexedRuns
from zcprobe.dataset.load import load_runs
from zcprobe.errors import OutputError
from zcprobe.format.campaign import CAMPAIGN_FILE, Campaign, CampaignRun, Point
from zcprobe.seal import seal_of

_KEPT = sorted((Path(__file__).parents[2] / "data" / "version_3" / "campaigns" / "policies").iterdir())[:5]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CampaignFolder]:
    monkeypatch.setattr(journal_module, "JOURNAL_FOLDER", tmp_path / "run")
    campaign = Campaign(
        name="x", started_utc="2026-01-02T03:04:05+00:00", plan={}, seed=1, points=[Point(key="a", axes={})]
    )
    with open_campaign(make_campaign(tmp_path / "results", campaign)) as opened:
        yield opened


def _add(folder: CampaignFolder, kept: Path) -> None:
    """A run that is there now."""
    copied = shutil.copytree(kept, folder.place / kept.name)
    digest = seal_of((copied / "run.json").read_bytes())
    run = CampaignRun(
        folder=kept.name, block=1, outcome="completed", complete=True, valid=True, sha256=digest, took_s=1.0
    )
    folder.campaign.points[0].runs.append(run)
    folder.write()


def test_runs_are_loaded_from_the_index_and_others_beside_it(folder: CampaignFolder) -> None:
    for kept in _KEPT[:3]:
        _add(folder, kept)
    index_runs(folder)
    _add(folder, _KEPT[3])
    found = load_runs(folder.place)
    assert isinstance(found, IndexedRuns)
    assert list(found._loaded) == [str(folder.place / _KEPT[3].name)]
    assert found.query("select run from runs")["run"].tolist() == [kept.name for kept in _KEPT[:4]]
    index_runs(folder)
    found = load_runs(folder.place)
    assert isinstance(found, IndexedRuns)
    assert found._loaded == {}
    assert [run.name for run in found] == [kept.name for kept in _KEPT[:4]]
    assert sorted(os.listdir(folder.place)) == sorted([*(kept.name for kept in _KEPT[:4]), CAMPAIGN_FILE, INDEX_FILE])


def test_only_runs_that_are_counted_are_loaded(folder: CampaignFolder) -> None:
    for kept in _KEPT[:2]:
        _add(folder, kept)
    runs = folder.campaign.points[0].runs
    runs[0] = msgspec.structs.replace(runs[0], outcome="interrupted", valid=False)
    folder.write()
    index_runs(folder)
    assert load_runs(folder.place).query("select run from runs")["run"].tolist() == [_KEPT[1].name]


def test_another_run_in_the_place_of_one_is_refused(folder: CampaignFolder) -> None:
    for kept in _KEPT[:2]:
        _add(folder, kept)
    shutil.copy(_KEPT[2] / "run.json", folder.place / _KEPT[0].name / "run.json")
    index_runs(folder)
    with pytest.raises(OutputError, match=r"not as recorded|another run|recorded were|not among"):
        load_runs(folder.place)


def test_a_campaign_without_runs_has_no_index(folder: CampaignFolder) -> None:
    index_runs(folder)
    assert os.listdir(folder.place) == [CAMPAIGN_FILE]


def test_what_cannot_be_written_is_told_by_the_folders_own_name(
    folder: CampaignFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(folder, _KEPT[0])
    (folder.place / INDEX_FILE).write_bytes(b"of somebody else")
    with pytest.raises(OutputError, match=f"^{folder.place}/{INDEX_FILE} is not an index"):
        index_runs(folder)
    (folder.place / INDEX_FILE).unlink()
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(os, "fsync", lambda fd: os.write(full, b"x"))
    with pytest.raises(OutputError, match=f"^{folder.place}/{INDEX_FILE} cannot be written: No space") as caught:
        index_runs(folder)
    os.close(full)
    assert "all runs are kept" in caught.value.hint
    assert sorted(os.listdir(folder.place)) == [_KEPT[0].name, CAMPAIGN_FILE]
