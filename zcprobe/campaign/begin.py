# SPDX-License-Identifier: GPL-2.0-only
"""What campaign.json says of a campaign that begins."""

from collections.abc import Sequence

from zcprobe.campaign.plan_file import Plan
from zcprobe.campaign.points import PlannedPoint
from zcprobe.format.campaign import Campaign, Point
from zcprobe.recorder.metadata import now_utc

__all__ = ["new_campaign"]


def new_campaign(plan: Plan, points: Sequence[PlannedPoint]) -> Campaign:
    """The campaign before its first run."""
    return Campaign(
        name=plan.settings.name,
        started_utc=now_utc(),
        plan=plan.content,
        seed=plan.settings.seed,
        points=[Point(key=point.key, axes=point.axes) for point in points],
    )
