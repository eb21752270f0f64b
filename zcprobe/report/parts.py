"""Runs that were made alike but for the policy belong into one table and on one pair of axes: a part of a report."""

from typing import Any

import msgspec

from zcprobe.analysis.policies import policy_results
from zcprobe.analysis.verdict import verdict, warning_sentences
from zcprobe.dataset.load import Comparison, Run

__all__ = ["as_comparisons", "comparison_of"]

_MAY_DIFFER = ("policy", "parameters", "flush_variant")
"""Members of a run's configuration in which policies differ that are compared."""


def as_comparisons(runs: list[Run]) -> list[Comparison]:
    """`runs` grouped by what they have in common, in the order in which the groups first appear."""
    groups: dict[bytes, list[Run]] = {}
    for run in runs:
        alike = {name: value for name, value in run.meta["config"].items() if name not in _MAY_DIFFER}
        groups.setdefault(msgspec.json.encode(alike, order="sorted"), []).append(run)
    return [comparison_of(group) for group in groups.values()]


def comparison_of(runs: list[Run]) -> Comparison:
    """At least one run, seen as a comparison that nobody planned: it has no seed, and no file comparison.json."""
    results = policy_results(runs)
    meta: dict[str, Any] = {
        "format_version": runs[0].meta["format_version"],
        "scenario": " and ".join(dict.fromkeys(run.scenario for run in runs)),
        "started_utc": min(run.meta["started_utc"] for run in runs),
        "seed": None,
        "planned_runs": len(runs),
        "runs": [{"folder": run.folder.name, "policy": run.policy} for run in runs],
        "policies": results,
        "verdict": [*verdict(results), *warning_sentences(runs)],
    }
    return Comparison(runs[0].folder.parent, meta, runs)
