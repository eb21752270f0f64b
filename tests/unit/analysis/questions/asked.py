# SPDX-License-Identifier: GPL-2.0-only
"""Questions asked of runs that were made for something else."""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from zcprobe.analysis.questions.answers import Answered, answer_of
from zcprobe.analysis.questions.catalogue import QUESTIONS
from zcprobe.analysis.questions.cells import Trial
from zcprobe.dataset.load import load_collection, load_comparison, load_run
from zcprobe.format.campaign import PointValue

__all__ = ["KEPT", "answer_by_counts", "answer_with", "held_options", "kept_trials"]

KEPT = Path(__file__).parents[3] / "data" / "version_3"


def kept_trials() -> list[Trial]:
    """Five blocks of three policies with clones held back, and five of one run without impairment."""
    comparison = load_comparison(KEPT / "held-completions")
    trials = [
        Trial(block, run)
        for policy in ("qemu-pre", "qemu-shipped", "qemu-merged")
        for block, run in enumerate(comparison.runs_of(policy), 1)
    ]
    return [*trials, *(Trial(block, load_run(KEPT / "runs" / "in-order")) for block in range(1, 6))]


def held_options(policy: str) -> dict[str, PointValue]:
    """The options of the kept runs of that policy."""
    return {"scenario": "held-completions", "policy": policy, "length": "64K", "optmem-max": "20480"}


def answer_with(question: str, policies: Mapping[str, str]) -> Answered:
    """The answer to the question if its cells had the kept runs of these policies. `policies`: label -> policy."""
    cells = {
        label: {"scenario": "in-order", "policy": "qemu-pre", "length": "64K", "optmem-max": "131072"}
        if policy == "in-order"
        else held_options(policy)
        for label, policy in policies.items()
    }
    return answer_of(replace(QUESTIONS[question], cells=cells), kept_trials(), "kept")


def answer_by_counts(question: str, policies: Mapping[str, str]) -> Answered:
    """The same with the kept campaign over policies, whose runs recorded only counts, and were made under load."""
    runs = load_collection(KEPT / "campaigns" / "policies")
    trials = [Trial(block, run) for policy in runs.policies for block, run in enumerate(runs.runs_of(policy), 1)]
    cells = {label: held_options(policy) | {"optmem-max": "64K"} for label, policy in policies.items()}
    asked = replace(QUESTIONS[question], cells=cells, is_about_speed=False)
    return answer_of(asked, trials, "policies")
