# SPDX-License-Identifier: GPL-2.0-only
import os
from pathlib import Path

import pytest

from zcprobe import journal as journal_module
from zcprobe.campaign.folder import make_campaign, open_campaign
from zcprobe.campaign.resume import find_campaign, settle
from zcprobe.format.campaign import CAMPAIGN_FILE, Campaign, Pending, Point

STAMP = "20260102T030405Z-in-order-qemu-merged"


def campaign(pending: Pending | None = None) -> Campaign:
    points = [Point(key="0123456789ab", axes={})]
    return Campaign(
        name="limits", started_utc="2026-01-02T03:04:05+00:00", plan={}, seed=1, points=points, pending=pending
    )


@pytest.fixture(autouse=True)
def _own_journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "JOURNAL_FOLDER", tmp_path / "run")


def test_the_newest_campaign_of_that_name_is_found(tmp_path: Path) -> None:
    names = (
        "20260102T030405Z-limits",
        "20260103T030405Z-limits",
        "20260104T030405Z-other",
        "20260105T030405Z-x-limits",
    )
    for name in names:
        folder = tmp_path / f"{name}-campaign-012345"
        folder.mkdir()
        (folder / CAMPAIGN_FILE).touch()
    (tmp_path / "20260106T030405Z-limits-campaign-012345").mkdir()  # it is not a campaign
    assert find_campaign(tmp_path, "limits") == tmp_path / "20260103T030405Z-limits-campaign-012345"
    assert find_campaign(tmp_path, "none") is None
    assert find_campaign(tmp_path / "none", "limits") is None


def test_what_there_is_of_an_unfinished_run_is_removed_and_nothing_else(tmp_path: Path) -> None:
    """After a reboot no journal names it any more."""
    place = make_campaign(tmp_path, campaign(Pending(key="0123456789ab", block=2, run_id="aaaaaa")))
    mine, other = place / f".{STAMP}-aaaaaa.partial", place / f".{STAMP}-bbbbbb.partial"
    for unfinished in (mine, other):
        unfinished.mkdir()
        (unfinished / "sends").touch()
    with open_campaign(place) as folder:
        settle(folder)
        assert folder.campaign.pending is None
        assert folder.campaign.points[0].runs == []
    assert sorted(os.listdir(place)) == [other.name, CAMPAIGN_FILE]


def test_a_run_that_cannot_be_read_is_listed_as_failed_with_its_folder(tmp_path: Path) -> None:
    place = make_campaign(tmp_path, campaign(Pending(key="0123456789ab", block=2, run_id="aaaaaa")))
    (place / f"{STAMP}-aaaaaa").mkdir()
    (place / f"{STAMP}-aaaaaa" / "run.json").write_text("{")
    with open_campaign(place) as folder:
        settle(folder)
        (run,) = folder.campaign.points[0].runs
    assert (run.folder, run.block, run.outcome, run.is_counted) == (f"{STAMP}-aaaaaa", 2, "failed", False)
    assert run.why
