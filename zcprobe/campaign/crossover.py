# SPDX-License-Identifier: GPL-2.0-only
"""What a campaign over sizes of a send, with and without zerocopy, shows: from which size zerocopy is better."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from zcprobe.campaign.folder import CampaignFolder
from zcprobe.dataset.campaign import run_digests
from zcprobe.dataset.load import load_campaign
from zcprobe.errors import UsageError
from zcprobe.format.campaign import Campaign
from zcprobe.isolation import own_settings

__all__ = ["conclude_crossover", "content_of"]

if TYPE_CHECKING:
    from zcprobe.analysis.crossover_quantities import Crossed

_AXES = ({"length", "zerocopy"}, {"length", "no-zerocopy"})
_FIGURE_KINDS = ("png", "svg")


def _is_crossover(campaign: Campaign) -> bool:
    """Whether its points differ in the size of a send and in zerocopy, which has a policy on one side alone."""
    axes = {name for point in campaign.points for name in point.axes}
    return axes - {"policy"} in _AXES and bool(run_digests(campaign))


def conclude_crossover(folder: CampaignFolder) -> "Crossed | None":
    """The crossover, and in the folder crossover.json and the figure `crossover`; None for a campaign that has none.
    OSError where they cannot be written."""
    from zcprobe.analysis.crossover_quantities import crossed  # late: scipy and pandas take long to import

    if not _is_crossover(folder.campaign):
        return None
    runs = load_campaign(folder.directory.within).runs
    try:
        found = crossed(runs)
    except UsageError:  # several policies, of which each would have a crossover of its own
        return None
    if not found.points:
        return None
    folder.replace("crossover.json", msgspec.json.format(msgspec.json.encode(content_of(found)), indent=2) + b"\n")
    with own_settings():
        draw = importlib.import_module("zcprobe.plots.crossover").draw_crossover
        figure_bytes = importlib.import_module("zcprobe.plots.canvas").figure_bytes
    figure = draw(runs, found)
    for kind in _FIGURE_KINDS:
        folder.replace(f"crossover.{kind}", figure_bytes(figure, "crossover", kind))
    return found


def content_of(found: "Crossed") -> Mapping[str, object]:
    """crossover.json: a row for each quantity and size, and a crossover for each quantity."""
    rows = found.table.to_dict("records")
    known = [{name: value for name, value in row.items() if value == value} for row in rows]  # NaN differs from itself
    points = [{**msgspec.structs.asdict(point), "text": point.text} for point in found.points]
    return {"sizes": known, "crossovers": points, "copied_share": found.copied_share, "warning": found.warning}
