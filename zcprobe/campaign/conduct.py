# SPDX-License-Identifier: GPL-2.0-only
"""Carries a campaign out: block after block, until all is made, or precise, or the time is spent."""

from collections.abc import Callable, Sequence
from itertools import count

import msgspec

from zcprobe.campaign.folder import CampaignFolder
from zcprobe.campaign.ledger import Ledger
from zcprobe.campaign.maker import RunMaker
from zcprobe.campaign.points import PlannedPoint
from zcprobe.campaign.precision import widest_point
from zcprobe.campaign.settings import MAX_BLOCKS, Settings
from zcprobe.errors import HostError
from zcprobe.format.campaign import CampaignRun, Ended
from zcprobe.interrupt import Interruption

__all__ = ["Step", "conduct"]


class Step(msgspec.Struct, frozen=True):
    """A run that was made just now. `made` of `planned` runs are there; `left_s`: time that the others will take, as
    far as they are known."""

    point: PlannedPoint
    run: CampaignRun
    made: int
    planned: int
    left_s: float


def conduct(
    folder: CampaignFolder,
    points: Sequence[PlannedPoint],
    settings: Settings,
    interruption: Interruption,
    on_run: Callable[[Step], None],
) -> None:
    """Makes the runs that are missing. campaign.json has each as soon as it is made.

    A run that fails is listed, and not made again. HostError after a block of which all runs failed, OutputError or
    OSError where results cannot be stored. If interrupted, it returns after the run in progress, or without that run if
    there was nothing to keep yet.
    """
    ledger = Ledger(folder.campaign, points, settings, folder.write)
    with RunMaker(folder.directory, ledger, settings.warm_up, interruption) as maker:
        for block in count(1):
            ended = _why_ended(ledger, settings, block)
            missing = ledger.missing(block) if ended is None else []
            for key in missing:
                if not ledger.has_time_for([key]):
                    ended = "budget"
                    break
                run = maker.make(key, block)
                if run is not None:
                    on_run(Step(ledger.points[key], run, *ledger.progress(block)))
                if interruption.signal_number:
                    ledger.rest()
                    return
            if ended is not None:
                ledger.end(ended)
                return
            if missing:  # a block of an earlier sitting says nothing about this host now
                _require_some(ledger, block)


def _why_ended(ledger: Ledger, settings: Settings, block: int) -> Ended | None:
    """Whether the campaign ends before that block, and why. Precision is that of the whole blocks before it, so that a
    campaign that was killed within a block ends as an undisturbed one."""
    if block <= settings.repeats:
        return None
    if settings.precision is None or block > MAX_BLOCKS:
        return "complete"
    if widest_point(ledger.before(block), settings.precision) is None:
        return "precise"
    return None if ledger.has_time_for(ledger.missing(block)) else "budget"


def _require_some(ledger: Ledger, block: int) -> None:
    """HostError if every run of the block failed: so will those of the next one."""
    reasons = ledger.reasons_of_failure(block)
    if len(reasons) == len(ledger.points):
        raise HostError(
            f"every run of block {block} failed, the last one because {reasons[-1]}",
            "zcprobe doctor says what this host can do",
        )
