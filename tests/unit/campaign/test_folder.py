# SPDX-License-Identifier: GPL-2.0-only
"""The folder of a campaign, and what is left in it by a command that was killed."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from zcprobe import journal as journal_module
from zcprobe.campaign.folder import CampaignFolder, make_campaign, open_campaign
from zcprobe.dataset.campaign import read_campaign, run_digests
from zcprobe.errors import OutputError, UsageError
from zcprobe.format.campaign import CAMPAIGN_FILE, Campaign, CampaignRun, Point

Make = Callable[[], Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr(journal_module, "JOURNAL_FOLDER", tmp_path / "run")
    points = [Point(key="0123456789ab", axes={"policy": "qemu-pre"})]
    campaign = Campaign(
        name="x", started_utc="2026-01-02T03:04:05+00:00", plan={"policy": "qemu-pre"}, seed=1, points=points
    )
    return lambda: make_campaign(tmp_path / "results", campaign)


def run(folder: str | None, **changes: object) -> CampaignRun:
    return msgspec.structs.replace(
        CampaignRun(folder=folder, block=1, outcome="completed", complete=True, valid=True), **changes
    )


def test_it_is_there_and_readable_before_the_first_run(make: Make) -> None:
    place = make()
    assert os.listdir(place) == [CAMPAIGN_FILE]
    campaign = read_campaign(place)
    assert campaign.points == [Point(key="0123456789ab", axes={"policy": "qemu-pre"})]
    assert campaign.ended is None


def test_what_is_written_is_read_back(make: Make) -> None:
    place = make()
    with open_campaign(place) as folder:
        folder.campaign.points[0].runs.append(run("a"))
        folder.campaign.spent_s = 1.5
        folder.write()
        assert read_campaign(place) == folder.campaign
    assert os.listdir(place) == [CAMPAIGN_FILE]
    assert (place / CAMPAIGN_FILE).stat().st_mode & 0o777 == 0o644


def test_no_other_command_fills_it_at_the_same_time(make: Make) -> None:
    place = make()
    with open_campaign(place), pytest.raises(UsageError, match="at work"), open_campaign(place):
        pass
    with open_campaign(place):
        pass


def test_a_disk_without_room_leaves_the_last_whole_file(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make()
    with open_campaign(place) as folder:
        folder.campaign.spent_s = 9.0
        full = os.open("/dev/full", os.O_WRONLY)
        monkeypatch.setattr(os, "fsync", lambda fd: os.write(full, b"x"))
        with pytest.raises(OSError, match="No space"):
            folder.write()
        os.close(full)
    assert read_campaign(place).spent_s == 0
    assert os.listdir(place) == [CAMPAIGN_FILE]


def test_a_link_in_the_place_of_a_file_leads_nowhere(make: Make, tmp_path: Path) -> None:
    """The folder belongs to the user, and root writes there."""
    place, target = make(), tmp_path / "target"
    target.write_text("of somebody else")
    with open_campaign(place) as folder:
        (place / CAMPAIGN_FILE).unlink()
        (place / CAMPAIGN_FILE).symlink_to(target)
        folder.write()
    assert target.read_text() == "of somebody else"
    assert not (place / CAMPAIGN_FILE).is_symlink()


def damaged(content: bytes) -> dict[str, bytes]:
    whole = msgspec.json.decode(content)
    return {
        "cut": content[:-20],
        "changed": content.replace(b"qemu-pre", b"qemu-not"),
        "without a digest": msgspec.json.encode({key: value for key, value in whole.items() if key != "sha256"}),
        "empty": b"",
        "a list": b"[]",
    }


@pytest.mark.parametrize("how", ["cut", "changed", "without a digest", "empty", "a list"])
def test_a_damaged_file_is_refused_in_two_lines(how: str, make: Make) -> None:
    path = make() / CAMPAIGN_FILE
    path.write_bytes(damaged(path.read_bytes())[how])
    with pytest.raises(OutputError, match="cannot be read"):
        read_campaign(path.parent)


@pytest.mark.parametrize("name", ["../elsewhere", "/etc", "..", ".", "", "a/b"])
def test_a_run_outside_of_the_folder_is_refused(name: str, make: Make) -> None:
    place = make()
    with open_campaign(place) as folder:
        folder.campaign.points[0].runs.append(run(name))
        folder.write()
    with pytest.raises(OutputError, match="cannot be read"):
        read_campaign(place)


def test_a_folder_without_a_campaign_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=f"has no {CAMPAIGN_FILE}"), open_campaign(tmp_path):
        pass
    with pytest.raises(OutputError, match="cannot be opened"), open_campaign(tmp_path / "none"):
        pass


def test_the_runs_that_count_are_in_the_order_in_which_they_were_made() -> None:
    runs = [run("20260102T1", sha256="a"), run(None, complete=False), run("20260102T3", sha256="c", complete=False)]
    points = [Point(key="0", axes={}, runs=runs), Point(key="1", axes={}, runs=[run("20260102T0", sha256="d")])]
    campaign = Campaign(name="x", started_utc="", plan={}, seed=1, points=points)
    assert list(run_digests(campaign).items()) == [("20260102T0", "d"), ("20260102T1", "a")]


def test_parts_of_files_are_removed_and_nothing_else(make: Make) -> None:
    place = make()
    (place / ".campaign-0123456789abcdef.partial").touch()
    (place / ".campaign-mine.partial").touch()
    with open_campaign(place) as folder:
        assert isinstance(folder, CampaignFolder)
        folder.remove_parts()
    assert sorted(os.listdir(place)) == [".campaign-mine.partial", CAMPAIGN_FILE]
