# SPDX-License-Identifier: GPL-2.0-only
"""What was compared, whether as a comparison of policies or as a campaign: the input of baselines and of JUnit XML."""

from collections.abc import Iterable

import msgspec

from zcprobe.analysis.claims import Point
from zcprobe.analysis.comparisons import claims_of, points_of
from zcprobe.dataset.load import Comparison
from zcprobe.dataset.run import Run
from zcprobe.format.campaign import Campaign
from zcprobe.format.claims import Claim

__all__ = ["Compared", "compared_points", "compared_policies"]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """`title`: the scenario, or the name of the plan. `folder`: its name. `points`: what a point is called -> its runs.
    `claims`: those about the points among each other."""

    title: str
    folder: str
    started_utc: str
    seed: int | None
    points: dict[str, Point]
    claims: list[Claim]

    @property
    def runs(self) -> list[Run]:
        return [run for point in self.points.values() for run in point.values()]


def compared_policies(comparison: Comparison) -> Compared:
    """A comparison of policies; a point is called like its policy."""
    return Compared(
        title=comparison.meta.scenario,
        folder=comparison.folder.name,
        started_utc=comparison.meta.started_utc,
        seed=comparison.meta.seed,
        points=dict(points_of(comparison)),
        claims=claims_of(comparison),
    )


def compared_points(campaign: Campaign, folder: str, runs: Iterable[Run]) -> Compared:
    """A campaign; a point is called by its values on the axes. `runs`: those that are counted, and maybe others."""
    loaded = {run.folder.name: run for run in runs}
    points = {
        point.text: {run.block: loaded[str(run.folder)] for run in point.runs if run.is_counted}
        for point in campaign.points
    }
    return Compared(
        title=campaign.name,
        folder=folder,
        started_utc=campaign.started_utc,
        seed=campaign.seed,
        points=dict(points),
        claims=list(campaign.verdicts),
    )
