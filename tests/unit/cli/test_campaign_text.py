# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.campaign.conduct import Step
from zcprobe.campaign.points import PlannedPoint
from zcprobe.campaign.settings import Settings
from zcprobe.cli.campaign_text import dry_text, step_text
from zcprobe.cli.plan_options import make_run
from zcprobe.format.campaign import CampaignRun


@pytest.mark.parametrize(
    ("settings", "made", "left_s", "told"),
    [
        (Settings(), 0, 30.0, ": about 30 s, if the unimpaired path carries 5 Gbit/s"),
        (Settings(), 7, 200.0, ", of which 7 are made: the others take about 3 min"),
        (Settings(), 20, 0.0, ", all of which are made"),
        (Settings(budget_s=7200.0), 0, 60.0, ": about 60 s, if the unimpaired path carries 5 Gbit/s; at most 2.0 h"),
        (
            Settings(precision=0.05, budget_s=600.0),
            0,
            60.0,
            ": about 60 s, if the unimpaired path carries 5 Gbit/s; then more blocks until medians are known within 5 %"
            "; at most 10 min",
        ),
    ],
)
def test_a_dry_run_says_how_many_runs_there_are_and_how_long_they_take(
    settings: Settings, made: int, left_s: float, told: str
) -> None:
    assert dry_text(4, settings, made, left_s) == f"4 points in 5 blocks are 20 runs{told}"


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (
            CampaignRun(folder="x", block=2, outcome="completed", complete=True, valid=True, goodput_bps=3e9),
            "completed, 3 Gbit/s",
        ),
        (
            CampaignRun(folder="x", block=2, outcome="dead_enobufs", complete=True, valid=False, why="load (9 on 2)"),
            "dead_enobufs, not known: the sink did not report, not valid: load (9 on 2)",
        ),
        (
            CampaignRun(folder=None, block=2, outcome="failed", complete=False, valid=False, why="the sender died"),
            "failed: the sender died",
        ),
    ],
)
def test_each_run_is_told_in_a_line_with_what_is_left(run: CampaignRun, told: str) -> None:
    point = PlannedPoint("0123456789ab", {"policy": "qemu-pre", "nagle": True}, make_run({}))
    text = step_text(Step(point, run, 3, 20, 95.0))
    assert text == f"3 of 20, 2 min left: policy qemu-pre, nagle on, block 2: {told}"
