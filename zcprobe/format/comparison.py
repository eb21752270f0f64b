# SPDX-License-Identifier: GPL-2.0-only
"""comparison.json: which runs were planned and made of each policy, and what they say together.

It is written anew after each run, and is complete at any moment.
"""

from typing import Self

import msgspec

from zcprobe.format.claims import Claim, Stamp
from zcprobe.format.intervals import Estimate
from zcprobe.format.metadata import FORMAT_MINOR, FORMAT_VERSION, RunMetadata
from zcprobe.format.outcomes import Outcome
from zcprobe.format.overhead import Overhead

__all__ = ["COMPARISON_FILE", "ComparedRun", "ComparisonMetadata", "PolicyResult"]

COMPARISON_FILE = "comparison.json"


class ComparedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `folder` is its name in the comparison's folder, and `sha256` the digest of its run.json, None if it has
    none. `repeat` is its block, which has every policy once; None if nobody planned the run. `complete`: whether every
    record is there and all counts reconcile. `warnings`: the ids of its warnings, None in comparisons of version 1."""

    folder: str
    sha256: str | None
    policy: str
    repeat: int | None
    outcome: Outcome
    complete: bool
    warnings: list[str] | None

    @classmethod
    def of(cls, folder: str, sha256: str | None, repeat: int | None, meta: RunMetadata) -> Self:
        return cls(
            folder=folder,
            sha256=sha256,
            policy=meta.config.policy,
            repeat=repeat,
            outcome=meta.sender.outcome,
            complete=meta.complete,
            warnings=[warning.id for warning in meta.warnings],
        )


class PolicyResult(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one policy together. `repeats`: their number. `outcomes`: outcome -> runs. `enobufs_causes`: cause ->
    calls, `unknown` for those of runs without probes. `medians`: quantity (`zcprobe.analysis.policies.QUANTITIES`) ->
    its median over the runs."""

    repeats: int
    outcomes: dict[Outcome, int]
    enobufs_causes: dict[str, int]
    medians: dict[str, Estimate]


class ComparisonMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """comparison.json. A member that was added later is None in comparisons made before.

    `scenario`, `started_utc`, `planned_runs` and `seed`, that of the order of the runs, are what was planned; `seed` is
    None if nobody planned the runs. `policies`: policy, in the planned order -> its results. These, `verdict` (the
    comparison in sentences) and the last three before `runs` are filled in when all runs are made, and until then None
    or empty: whether the runs can be relied on; the noise of each quantity, as `Claim` has it; and each policy against
    the first one. `overhead`: what the probes cost, None if it was not measured."""

    format_version: int = FORMAT_VERSION
    format_minor: int = FORMAT_MINOR
    scenario: str
    started_utc: str
    seed: int | None
    planned_runs: int
    policies: dict[str, PolicyResult | None]
    verdict: list[str] = []
    smallest_effect: float | None
    overhead: Overhead | None = None
    stamp: Stamp | None = None
    noise: dict[str, float] | None = None
    verdicts: list[Claim] | None = None
    runs: list[ComparedRun] = []
