# SPDX-License-Identifier: GPL-2.0-only
"""Groups runs that were made alike except for the policy, so that one table or one pair of axes can show them."""

from collections.abc import Sequence
from copy import copy
from typing import Any

import msgspec
from msgspec.structs import replace

from zcprobe.analysis.alike import require_comparable
from zcprobe.analysis.claims import Point, claims_against, noise_between
from zcprobe.analysis.policies import policy_results
from zcprobe.analysis.validity import stamp_of
from zcprobe.analysis.verdict import verdict
from zcprobe.dataset.load import Comparison, Run, RunCollection
from zcprobe.dataset.option_words import describe_option
from zcprobe.dataset.options import POLICY_OPTIONS, differing, way_of
from zcprobe.errors import UsageError
from zcprobe.format.claims import DEFAULT_SMALLEST_EFFECT, Claim
from zcprobe.format.comparison import ComparedRun, ComparisonMetadata

__all__ = [
    "as_comparison",
    "as_comparisons",
    "claims_of",
    "comparison_of",
    "group_titles",
    "points_of",
    "with_results",
]


def as_comparisons(runs: Sequence[Run]) -> list[Comparison]:
    """`runs` grouped by what they have in common, in the order in which the groups first appear. Runs of one policy
    with different parameters go into different groups."""
    groups: dict[bytes, dict[tuple[str, bytes], list[Run]]] = {}
    for run in runs:
        way = way_of(run)
        common = {name: value for name, value in way.items() if name not in POLICY_OPTIONS}
        own = {name: value for name, value in way.items() if name in POLICY_OPTIONS}
        settings = groups.setdefault(msgspec.json.encode(common, order="sorted"), {})
        settings.setdefault((run.policy, msgspec.json.encode(own, order="sorted")), []).append(run)
    place = {id(run): at for at, run in enumerate(runs)}
    parts = [part for settings in groups.values() for part in _one_setting_of_each(settings)]
    return [comparison_of(sorted(part, key=lambda run: place[id(run)])) for part in parts]


def _one_setting_of_each(settings: dict[tuple[str, bytes], list[Run]]) -> list[list[Run]]:
    """One group has the first set of parameters of each policy, the next has the second set, and so on."""
    seen: dict[str, int] = {}
    parts: list[list[Run]] = []
    for (policy, _), runs in settings.items():
        place = seen[policy] = seen.get(policy, -1) + 1
        if place == len(parts):
            parts.append([])
        parts[place] += runs
    return parts


def as_comparison(found: Run | Sequence[Run]) -> Comparison:
    """Turns what `zcprobe.load` found into one comparison.

    A comparison is returned unchanged. A run, or runs that are alike except for the policy, become a comparison that
    nobody planned. Other runs raise UsageError, which names what differs; so do no runs at all.
    """
    if isinstance(found, Comparison):
        return found
    runs = [found] if isinstance(found, Run) else list(found)
    if not runs:
        raise UsageError("there are no runs to compare", "name a folder that holds some")
    require_comparable(runs, "one comparison")
    return comparison_of(runs, found.folder if isinstance(found, RunCollection) else None)


def comparison_of(runs: Sequence[Run], folder: Any = None) -> Comparison:
    """Makes a comparison of at least one run. Nobody planned it, so it has no seed and no comparison.json."""
    results = policy_results(runs)
    meta = ComparisonMetadata(
        format_version=runs[0].meta.format_version,
        scenario=" and ".join(dict.fromkeys(run.scenario for run in runs)),
        started_utc=min(run.meta.started_utc for run in runs),
        seed=None,
        planned_runs=len(runs),
        policies=dict(results),
        verdict=verdict(results, runs),
        smallest_effect=None,
        runs=[ComparedRun.of(run.name, run.digest, None, run.meta) for run in runs],
    )
    return Comparison(folder or runs[0].folder.parent, meta, list(runs))


def with_results(comparison: Comparison) -> Comparison:
    """The same comparison with results, verdict and claims computed from its runs, the policies in the planned order.
    It serves a comparison that was just recorded, and one that ended before its results were stored."""
    results = policy_results(comparison.runs)
    ordered = {policy: results[policy] for policy in comparison.meta.policies if policy in results}
    found = copy(comparison)
    found.meta = replace(
        comparison.meta,
        policies=dict(ordered),
        verdict=verdict(ordered, comparison.runs),
        stamp=stamp_of(comparison.runs),
        noise=noise_between(points_of(comparison)),
        verdicts=claims_of(comparison),
    )
    return found


def points_of(comparison: Comparison) -> dict[str, Point]:
    """Policy -> its runs by block, in the planned order. Runs that nobody planned are taken in the order in which they
    were given: the first of each policy are the first block."""
    blocks = {entry.folder: entry.repeat for entry in comparison.meta.runs}
    points: dict[str, dict[int, Run]] = {policy: {} for policy in comparison.meta.policies}
    for run in comparison.runs:
        own = points.setdefault(run.policy, {})
        own[blocks.get(run.folder.name) or len(own) + 1] = run
    return {policy: runs for policy, runs in points.items() if runs}


def claims_of(comparison: Comparison) -> list[Claim]:
    """Every policy against the first one, computed from the runs."""
    points = points_of(comparison)
    smallest = comparison.meta.smallest_effect
    if not points:
        return []
    return claims_against(next(iter(points)), points, DEFAULT_SMALLEST_EFFECT if smallest is None else smallest)


def group_titles(comparisons: Sequence[Comparison]) -> list[str]:
    """A heading for each comparison: its scenario, and what distinguishes it from the others."""
    runs = [run for comparison in comparisons for run in comparison.runs]
    everywhere = [*differing(runs), *_settings_that_differ(comparisons)]
    titles = []
    for comparison in comparisons:
        own = differing([run for run in runs if run.scenario in comparison.scenarios])
        names = dict.fromkeys([*everywhere, *own])
        titles.append(_title(comparison, [name for name in names if name not in ("scenario", "policy")]))
    return titles


def _settings_that_differ(comparisons: Sequence[Comparison]) -> list[str]:
    """The parameters in which one policy differs between the comparisons."""
    policies = dict.fromkeys(policy for comparison in comparisons for policy in comparison.policies)
    runs = {policy: [run for one in comparisons for run in one.runs_of(policy)] for policy in policies}
    return [name for own in runs.values() for name in differing(own) if name in POLICY_OPTIONS]


def _title(comparison: Comparison, names: Sequence[str]) -> str:
    ways = [way_of(run) for run in comparison.runs]
    # An option that is None was calibrated, or has no effect in these runs.
    told = [describe_option(name, way[name]) for name in names for way in ways if way.get(name) is not None]
    return ", ".join([comparison.meta.scenario, *dict.fromkeys(told)])
