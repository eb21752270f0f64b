# SPDX-License-Identifier: GPL-2.0-only
"""A campaign's folder as a reader finds it: the runs that are counted, and no others."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import zcprobe
from zcprobe.cli.main import main
from zcprobe.errors import OutputError
from zcprobe.format.campaign import CAMPAIGN_FILE, Campaign, CampaignRun, Point
from zcprobe.seal import seal_of, sealed

KEPT = next((Path(__file__).parents[2] / "data" / "version_3" / "no-probes").glob("*-qemu-merged-*/run.json")).parent
NAMES = ("20260102T030405Z-first", "20260102T030406Z-second", "20260102T030407Z-third")

Change = Callable[[Campaign], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs of two points, one of which somebody ended early; and a run that failed."""
    for name in NAMES:
        shutil.copytree(KEPT, tmp_path / name)
    digest = seal_of((KEPT / "run.json").read_bytes())
    runs = [
        CampaignRun(folder=name, sha256=digest, block=1, outcome="completed", complete=True, valid=True)
        for name in NAMES
    ]
    bad = CampaignRun(
        folder=NAMES[1], block=2, outcome="interrupted", complete=True, valid=False, why="somebody ended it early"
    )
    failed = CampaignRun(folder=None, block=2, outcome="failed", complete=False, valid=False, why="the sender died")
    points = [
        Point(key="a", axes={"policy": "x"}, runs=[runs[2], bad]),
        Point(key="b", axes={}, runs=[failed, runs[0]]),
    ]
    write(tmp_path, points)
    return tmp_path


def write(folder: Path, points: list[Point]) -> None:
    campaign = Campaign(name="x", started_utc="2026-01-02T03:04:05+00:00", plan={}, seed=1, points=points)
    (folder / CAMPAIGN_FILE).write_bytes(sealed(campaign))


def test_the_runs_that_are_counted_are_loaded_in_their_order(folder: Path) -> None:
    found = zcprobe.load(folder)
    assert [run.name for run in found] == [NAMES[0], NAMES[2]]


def test_verbs_that_read_take_a_campaign(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(folder)]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [NAMES[0], NAMES[2]]


def test_a_run_that_was_replaced_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = next(path for path in KEPT.parent.glob("*/run.json") if path.parent != KEPT)
    shutil.rmtree(folder / NAMES[2])
    shutil.copytree(other.parent, folder / NAMES[2])
    with pytest.raises(OutputError, match="is that of another run than the list of runs names"):
        zcprobe.load(folder)
    assert main(["export", str(folder), "--skip-damaged"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert f"left out: {folder / NAMES[2]}" in err


def test_a_run_with_an_unknown_outcome_is_refused(folder: Path) -> None:
    content = msgspec.json.decode((folder / CAMPAIGN_FILE).read_bytes())
    del content["sha256"]
    content["points"][0]["runs"][0]["outcome"] = "escaped"
    (folder / CAMPAIGN_FILE).write_bytes(sealed(content))
    with pytest.raises(OutputError, match=rf"{CAMPAIGN_FILE} cannot be read: Invalid enum value 'escaped'"):
        zcprobe.load(folder)


def test_without_a_run_that_is_counted_there_is_nothing_to_load(folder: Path) -> None:
    write(folder, [Point(key="a", axes={})])
    with pytest.raises(OutputError, match="has no run that is counted"):
        zcprobe.load(folder)
