# SPDX-License-Identifier: GPL-2.0-only
"""What campaign.json says of a run."""

from pathlib import Path

from zcprobe.analysis.validity import reasons_of
from zcprobe.format.campaign import CampaignRun
from zcprobe.format.metadata import RunMetadata
from zcprobe.seal import seal_of

__all__ = ["entry_of", "failed", "why_not_valid"]

_LONGEST = 300


def why_not_valid(meta: RunMetadata) -> str | None:
    """Why a run cannot be relied on; None if it can."""
    reasons = reasons_of(meta)
    return "; ".join(f"{reason.text} ({reason.detail})" for reason in reasons)[:_LONGEST] or None


def entry_of(folder: Path, name: str, meta: RunMetadata, block: int, took_s: float | None) -> CampaignRun:
    """The entry of the run in `folder`, whose name is `name`."""
    why = why_not_valid(meta)
    return CampaignRun(
        folder=name,
        sha256=seal_of((folder / "run.json").read_bytes()),
        block=block,
        outcome=meta.sender.outcome,
        complete=meta.complete,
        valid=why is None,
        why=why,
        goodput_bps=meta.sender.goodput_bps,
        took_s=took_s,
    )


def failed(block: int, why: str, folder: str | None = None, took_s: float | None = None) -> CampaignRun:
    """The entry of a run that left no folder, or one that cannot be read."""
    return CampaignRun(
        folder=folder, block=block, outcome="failed", complete=False, valid=False, why=why[:_LONGEST], took_s=took_s
    )
