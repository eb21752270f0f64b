# SPDX-License-Identifier: GPL-2.0-only
"""Keeps the index of a campaign's runs up to date."""

from zcprobe.campaign.folder import CampaignFolder
from zcprobe.dataset.index_file import INDEX_FILE
from zcprobe.errors import OutputError
from zcprobe.export.index import Indexing

__all__ = ["index_runs"]


def index_runs(folder: CampaignFolder) -> None:
    """Makes the campaign's index.parquet, or adds the runs that it does not have. Nothing happens while there is no
    run. OutputError where that cannot be done; no run is lost by it, and loading does without an index."""
    if not any(run.folder for point in folder.campaign.points for run in point.runs):
        return
    within = folder.directory.within
    try:
        folder.replace(INDEX_FILE, Indexing(within).make())
    except OSError as error:
        told = f"{folder.place / INDEX_FILE} cannot be written: {error.strerror}"
        raise OutputError(told, f"all runs are kept; zcprobe index {folder.place} makes it") from error
    except OutputError as error:
        raise OutputError(str(error).replace(str(within), str(folder.place)), error.hint) from error
