# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import pytest

from zcprobe.analysis.compared import compared_points, compared_policies
from zcprobe.analysis.comparisons import claims_of
from zcprobe.dataset.load import Comparison, load_comparison
from zcprobe.format.campaign import Campaign, CampaignRun, Point

FIVE = Path(__file__).parents[2] / "data" / "version_3" / "held-completions"


@pytest.fixture(scope="module")
def five() -> Comparison:
    return load_comparison(FIVE)


def test_the_points_of_a_comparison_are_its_policies(five: Comparison) -> None:
    compared = compared_policies(five)
    assert (compared.title, compared.folder) == ("held-completions", FIVE.name)
    assert {name: len(point) for name, point in compared.points.items()} == dict.fromkeys(five.policies, 5)
    assert compared.claims == claims_of(five)
    assert {run.name for run in compared.runs} == {run.name for run in five}


def test_the_points_of_a_campaign_have_the_runs_that_are_counted(five: Comparison) -> None:
    runs = five.runs_of("qemu-merged")
    entries = [
        CampaignRun(folder=run.folder.name, block=block, outcome="completed", complete=True, valid=True)
        for block, run in enumerate(runs, 1)
    ]
    entries.append(CampaignRun(folder=None, block=6, outcome="failed", complete=False, valid=False, why="it died"))
    points = [
        Point(key="a", axes={"length": "4K", "nagle": True}, runs=entries[1:]),
        Point(key="b", axes={"length": "64K", "nagle": True}, runs=entries[:1]),
    ]
    campaign = Campaign(name="sizes", started_utc="2026-01-02T03:04:05+00:00", plan={}, seed=3, points=points)
    compared = compared_points(campaign, "folder", runs)
    assert {name: sorted(point) for name, point in compared.points.items()} == {
        "length 4K, nagle on": [2, 3, 4, 5],
        "length 64K, nagle on": [1],
    }
    assert compared.points["length 64K, nagle on"][1] is runs[0]
    assert (compared.title, compared.folder, compared.seed) == ("sizes", "folder", 3)
