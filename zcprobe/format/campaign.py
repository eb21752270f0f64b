# SPDX-License-Identifier: GPL-2.0-only
"""campaign.json: the plan of a campaign, its points, and each run that was made of them.

It changes while the campaign goes on, and is complete at any moment.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from zcprobe.format.claims import Claim, Stamp
from zcprobe.format.metadata import FORMAT_MINOR, FORMAT_VERSION
from zcprobe.format.outcomes import Outcome
from zcprobe.version import VERSION

__all__ = [
    "CAMPAIGN_FILE",
    "Campaign",
    "CampaignRun",
    "Ended",
    "Pending",
    "Point",
    "PointValue",
    "Verdict",
    "axes_text",
    "value_text",
]

CAMPAIGN_FILE = "campaign.json"

PointValue = bool | int | float | str

Ended = Literal["complete", "precise", "budget"]
"""Why a campaign made its last run: it has made all that were asked for, the interval of every point is as narrow as
was asked for, or its time is spent."""


class CampaignRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a point. `folder` is its name in the campaign's folder, and `sha256` the digest of its run.json; both
    are None if it failed before it was kept. `block` counts from 1: each block has every point once.

    `outcome` is that of run.json, or `failed`. `complete`: whether every record is there and all counts reconcile.
    `valid`: whether it can be relied on; if not, `why` says the reason. `took_s`: all the time that it took; None if
    the command was killed before that was known."""

    folder: str | None
    sha256: str | None = None
    block: int
    outcome: Literal[Outcome, "failed"]
    complete: bool
    valid: bool
    why: str | None = None
    goodput_bps: float | None = None
    took_s: float | None = None

    @property
    def is_counted(self) -> bool:
        """Whether it is among the runs that readers load, and medians count: it is whole, and nobody ended it early. A
        run that is not valid may be counted; whatever shows it says why it is not."""
        return self.folder is not None and self.complete and self.outcome != "interrupted"


class Point(msgspec.Struct, kw_only=True):
    """One configuration. `key` is the hash of all of it, so that it is the same in every campaign that has this point.
    `axes`: option -> value, for the options in which the points of this campaign differ."""

    key: str
    axes: dict[str, PointValue]
    runs: list[CampaignRun] = []

    @property
    def text(self) -> str:
        """`policy qemu-pre, optmem-max 20K`."""
        return axes_text(self.axes)


def axes_text(axes: Mapping[str, PointValue]) -> str:
    """The options in which a point differs from others, with their values."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in axes.items()) or "the only point"


def value_text(value: PointValue) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


class Verdict(Claim, frozen=True, kw_only=True):
    """What is claimed of two points that differ in `axis` alone."""

    axis: str
    reference_key: str
    candidate_key: str


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """The run in progress, written down before it begins: a command that was killed after the run got its folder, but
    before it was listed, finds it again by its id."""

    key: str
    block: int
    run_id: str


class Campaign(msgspec.Struct, kw_only=True):
    """campaign.json. `plan` is the plan as it was read. `spent_s`: time in which runs were made, over all sittings.
    `ended` is None while there is more to do. The last three members are filled in when it has ended: whether its runs
    can be relied on; the noise of each quantity, as `Claim` has it; and a verdict for each point and each quantity,
    against the point that differs in one axis alone and has its first value."""

    format_version: int = FORMAT_VERSION
    format_minor: int = FORMAT_MINOR
    zcprobe_version: str = VERSION
    name: str
    started_utc: str
    plan: dict[str, Any]
    seed: int
    spent_s: float = 0.0
    ended: Ended | None = None
    pending: Pending | None = None
    points: list[Point]
    stamp: Stamp | None = None
    noise: dict[str, float] | None = None
    verdicts: list[Verdict] = []
