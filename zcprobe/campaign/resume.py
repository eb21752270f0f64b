# SPDX-License-Identifier: GPL-2.0-only
"""Finds a campaign that can go on, and completes what a command that was killed left of it."""

import os
import re
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from zcprobe.campaign.entry import entry_of, failed
from zcprobe.campaign.folder import CampaignFolder
from zcprobe.campaign.points import PlannedPoint
from zcprobe.campaign.settings import Settings
from zcprobe.errors import OutputError, UsageError
from zcprobe.format.campaign import CAMPAIGN_FILE, Campaign, CampaignRun, Pending

__all__ = ["find_campaign", "require_same_plan", "settle"]


def find_campaign(parent: Path, name: str) -> Path | None:
    """The newest campaign of that name below `parent`; None if there is none."""
    pattern = re.compile(rf"\d{{8}}T\d{{6}}Z-{re.escape(name)}-campaign-[0-9a-f]{{6}}")
    found = [path for path in parent.iterdir() if pattern.fullmatch(path.name)] if parent.is_dir() else []
    found = [path for path in found if os.path.lexists(path / CAMPAIGN_FILE)]
    return max(found, key=lambda path: path.name, default=None)


def require_same_plan(campaign: Campaign, place: Path, points: Sequence[PlannedPoint], settings: Settings) -> None:
    """UsageError if the plan has other points than the campaign, or another order. How often and how long may
    differ."""
    before, now = {point.key for point in campaign.points}, {point.key for point in points}
    hint = "begin another campaign: leave out --resume"
    if before != now:
        told = f"{len(now - before)} points are new, and {len(before - now)} are gone"
        raise UsageError(f"the plan is not that of {place}: {told}", hint)
    if campaign.seed != settings.seed:
        told = f"its seed is {settings.seed}, and was {campaign.seed}"
        raise UsageError(f"the plan is not that of {place}: {told}", hint)


def settle(folder: CampaignFolder) -> None:
    """Lists the run that was whole when a command was killed, or removes what there is of it; and removes unfinished
    files. OSError."""
    folder.remove_parts()
    pending = folder.campaign.pending
    if pending is None:
        return
    for name in folder.names():
        if name.startswith(".") and name.endswith(f"-{pending.run_id}.partial"):
            _remove(folder, name)
        elif not name.startswith(".") and name.endswith(f"-{pending.run_id}"):
            (point,) = (point for point in folder.campaign.points if point.key == pending.key)
            point.runs.append(_found(folder, name, pending))
    folder.campaign.pending = None
    folder.write()


def _found(folder: CampaignFolder, name: str, pending: Pending) -> CampaignRun:
    from zcprobe.dataset.load import load_run  # with pandas, which a dry run must not import

    path = folder.directory.within / name
    try:
        run = load_run(path, allow_incomplete=True, allow_lost=True)
    except OutputError as error:
        return failed(pending.block, str(error), name)
    return entry_of(path, name, run.meta, pending.block, None)


def _remove(folder: CampaignFolder, name: str) -> None:
    """Removes an unfinished folder, unless it belongs to somebody who could not have made the campaign."""
    status = folder.directory.status_of(name)
    if status is not None and stat.S_ISDIR(status.st_mode) and status.st_uid in (0, folder.directory.status.st_uid):
        shutil.rmtree(name, dir_fd=folder.directory.fd)
