# SPDX-License-Identifier: GPL-2.0-only
"""The verdicts of a campaign, from the kept runs of a comparison: they are those that anybody gets from the runs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from zcprobe import journal as journal_module
from zcprobe.analysis.claims import claims_against
from zcprobe.campaign.entry import entry_of
from zcprobe.campaign.folder import CampaignFolder, make_campaign, open_campaign
from zcprobe.campaign.verdicts import judge
from zcprobe.cli.campaign_text import verdict_lines
from zcprobe.dataset.campaign import read_campaign
from zcprobe.dataset.load import load_comparison
from zcprobe.format.campaign import Campaign, Point

KEPT = Path(__file__).parents[2] / "data" / "version_3" / "held-completions"
POLICIES = ("qemu-pre", "qemu-shipped", "qemu-merged")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CampaignFolder]:
    """A campaign of the kept runs over policies: five blocks."""
    monkeypatch.setattr(journal_module, "JOURNAL_FOLDER", tmp_path / "run")
    points = [Point(key=policy, axes={"policy": policy}) for policy in POLICIES]
    campaign = Campaign(name="x", started_utc="2026-01-02T03:04:05+00:00", plan={}, seed=1, points=points)
    place = make_campaign(tmp_path, campaign)
    with open_campaign(place) as opened:
        for point in opened.campaign.points:
            for block, run in enumerate(load_comparison(KEPT).runs_of(point.key), 1):
                shutil.copytree(run.folder, place / run.name)
                point.runs.append(entry_of(run.folder, run.name, run.meta, block, 1.0))
        opened.write()
        yield opened


def test_each_point_is_judged_against_the_first_as_from_its_runs(folder: CampaignFolder) -> None:
    judge(folder, 0.05)
    comparison = load_comparison(KEPT)
    points = {f"policy {policy}": dict(enumerate(comparison.runs_of(policy), 1)) for policy in POLICIES}
    expected = claims_against("policy qemu-pre", points)
    campaign = read_campaign(folder.place)
    assert [verdict.text for verdict in campaign.verdicts] == [claim.text for claim in expected]
    assert [verdict.p_corrected for verdict in campaign.verdicts] == [claim.p_corrected for claim in expected]
    assert {(one.axis, one.reference_key) for one in campaign.verdicts} == {("policy", "qemu-pre")}
    assert {one.candidate_key for one in campaign.verdicts} == set(POLICIES[1:])
    (survives,) = (
        one for one in campaign.verdicts if one.quantity == "completed_share" and one.candidate_key == "qemu-merged"
    )
    assert (survives.shown, survives.better) == (True, True)


def test_the_noise_and_the_stamp_are_those_of_all_runs(folder: CampaignFolder) -> None:
    judge(folder, 0.05)
    campaign = read_campaign(folder.place)
    assert campaign.noise is not None
    assert {"goodput_bps", "completed_share"} <= campaign.noise.keys()
    assert campaign.stamp is not None
    assert campaign.stamp.run_count == 15
    assert campaign.stamp.valid == all(run.valid for point in campaign.points for run in point.runs)


def test_a_larger_effect_may_be_asked_for(folder: CampaignFolder) -> None:
    judge(folder, 0.05)
    few = sum(verdict.shown for verdict in folder.campaign.verdicts)
    judge(folder, 1e9)
    assert 0 == sum(verdict.shown for verdict in folder.campaign.verdicts) < few


def test_runs_that_are_not_counted_are_left_out(folder: CampaignFolder) -> None:
    first = folder.campaign.points[0]
    first.runs = first.runs[:1]
    folder.write()
    judge(folder, 0.05)
    assert {verdict.reference_count for verdict in folder.campaign.verdicts} == {1}
    assert not any(verdict.shown for verdict in folder.campaign.verdicts)


def test_of_one_axis_every_verdict_is_told_and_of_several_those_that_show_a_difference(folder: CampaignFolder) -> None:
    judge(folder, 0.05)
    campaign = folder.campaign
    shown = [verdict.text for verdict in campaign.verdicts if verdict.shown]
    assert 0 < len(shown) < len(campaign.verdicts)
    lines = verdict_lines(campaign)
    assert lines[: len(campaign.verdicts)] == [verdict.text for verdict in campaign.verdicts]
    assert f"{len(shown)} of {len(campaign.verdicts)} comparisons show a difference." in lines
    for point, size in zip(campaign.points, ("4K", "64K", "64K"), strict=True):
        point.axes["length"] = size
    judge(folder, 0.05)
    assert {verdict.axis for verdict in campaign.verdicts} == {"policy"}  # 4K has one policy alone
    campaign.points[1].axes = {"policy": "qemu-pre", "length": "64K"}
    judge(folder, 0.05)
    assert {verdict.axis for verdict in campaign.verdicts} == {"policy", "length"}
    lines = verdict_lines(campaign)
    assert [verdict.text in lines for verdict in campaign.verdicts] == [one.shown for one in campaign.verdicts]
    assert not all(verdict.shown for verdict in campaign.verdicts)


def test_a_campaign_without_runs_has_no_verdict(folder: CampaignFolder) -> None:
    for point in folder.campaign.points:
        point.runs = []
    folder.write()
    judge(folder, 0.05)
    assert (folder.campaign.verdicts, folder.campaign.noise) == ([], {})
