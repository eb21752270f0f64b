# SPDX-License-Identifier: GPL-2.0-only
"""What the differences between the points of a campaign are, once it has made its last run.

Points that differ in one axis alone are compared, block by block. All claims of a campaign are judged at once, because
the more are made, the more differences chance would show.
"""

from collections.abc import Iterator

from msgspec.structs import asdict

from zcprobe.analysis.claims import claims_against, judged, noise_between
from zcprobe.analysis.validity import stamp_of
from zcprobe.campaign.folder import CampaignFolder
from zcprobe.campaign.neighbours import Neighbours, neighbours_of
from zcprobe.dataset.campaign import run_digests
from zcprobe.dataset.load import load_campaign
from zcprobe.dataset.run import Run
from zcprobe.format.campaign import Verdict
from zcprobe.format.claims import Claim

__all__ = ["judge"]

_Runs = dict[str, dict[int, Run]]
"""Key of a point -> block -> run."""


def judge(folder: CampaignFolder, smallest_effect: float) -> None:
    """Fills in `stamp`, `noise` and `verdicts` from the runs that are counted, and writes them. `smallest_effect`: a
    difference below it does not matter. OutputError for a run that is not as it was recorded."""
    campaign = folder.campaign
    loaded = {run.name: run for run in load_campaign(folder.directory.within)} if run_digests(campaign) else {}
    runs = {
        point.key: {run.block: loaded[str(run.folder)] for run in point.runs if run.is_counted}
        for point in campaign.points
    }
    campaign.stamp = stamp_of([run for own in runs.values() for run in own.values()])
    campaign.noise = noise_between(runs)
    pairs = [
        (group, claim) for group in neighbours_of(campaign.points) for claim in _claims(group, runs, smallest_effect)
    ]
    claims = judged([claim for _, claim in pairs])
    campaign.verdicts = [_verdict(group, claim) for (group, _), claim in zip(pairs, claims, strict=True)]
    folder.write()


def _claims(group: Neighbours, runs: _Runs, smallest_effect: float) -> Iterator[Claim]:
    named = {point.text: runs[point.key] for point in group.points}
    yield from claims_against(group.points[0].text, named, smallest_effect)


def _verdict(group: Neighbours, claim: Claim) -> Verdict:
    (candidate,) = (point for point in group.points if point.text == claim.candidate)
    return Verdict(axis=group.axis, reference_key=group.points[0].key, candidate_key=candidate.key, **asdict(claim))
