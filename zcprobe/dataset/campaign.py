# SPDX-License-Identifier: GPL-2.0-only
"""campaign.json from untrusted bytes, and the runs of a campaign that are counted."""

from pathlib import Path

import msgspec

from zcprobe.dataset.files import read_bounded
from zcprobe.dataset.schema import check_version
from zcprobe.dataset.shape import require_bounded
from zcprobe.errors import OutputError
from zcprobe.escapes import printable_members
from zcprobe.format.campaign import CAMPAIGN_FILE, Campaign
from zcprobe.seal import is_sealed

__all__ = ["read_campaign", "run_digests"]

_MOST_BYTES = 256 << 20
"""Of half a million runs, each of which has some hundred bytes there."""


def read_campaign(folder: Path, place: Path | None = None) -> Campaign:
    """campaign.json of a folder, with every text printable. `place` is the folder's path for people, if it is another.
    OutputError for a file that is not as it was written, or does not hold a campaign of a known version; for no file,
    too."""
    path, told = folder / CAMPAIGN_FILE, (place or folder) / CAMPAIGN_FILE
    try:
        raw = read_bounded(path, _MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise OutputError(
            f"{told.parent} is not the folder of a campaign: it has no {CAMPAIGN_FILE}",
            "name the folder that zcprobe campaign printed",
        ) from None
    try:
        if is_sealed(raw) != "whole":
            raise ValueError("it is not as it was written: the digest at its end is missing, or of other bytes")
        content = msgspec.json.decode(raw)
        require_bounded(content)
        check_version(told.parent, content.get("format_version"))
        campaign = msgspec.convert(printable_members(content), Campaign)
        _require_own_folders(campaign)
    except (ValueError, AttributeError, RecursionError) as error:
        raise OutputError(
            f"{told} cannot be read: {str(error)[:200]}", "copy it again from where it was made, or begin another one"
        ) from error
    return campaign


def run_digests(campaign: Campaign) -> dict[str, str | None]:
    """Folder -> digest of its run.json, of the runs that are counted, in the order in which they were made."""
    runs = [run for point in campaign.points for run in point.runs if run.is_counted]
    return {run.folder: run.sha256 for run in sorted(runs, key=lambda run: run.folder or "") if run.folder is not None}


def _require_own_folders(campaign: Campaign) -> None:
    for point in campaign.points:
        for run in point.runs:
            if run.folder is not None and ("/" in run.folder or run.folder in ("", ".", "..")):
                raise ValueError(f"it names a run in the folder {run.folder!r}")
