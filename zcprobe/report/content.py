# SPDX-License-Identifier: GPL-2.0-only
"""The content of a comparison's report, as plain values for the template."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import msgspec

from zcprobe.analysis.claim_text import count_text, effect_text, noise_text, verdict_text
from zcprobe.analysis.policies import policy_results
from zcprobe.analysis.quantities import COMPARED
from zcprobe.analysis.verdict import verdict
from zcprobe.dataset.arrival import datagrams_text
from zcprobe.dataset.integrity import DAMAGED
from zcprobe.dataset.load import Comparison, Run
from zcprobe.dataset.option_words import describe_values
from zcprobe.dataset.options import POLICY_OPTIONS, differing
from zcprobe.format.claims import Claim
from zcprobe.format.comparison import PolicyResult
from zcprobe.format.intervals import Estimate, interval_text
from zcprobe.format.outcomes import OUTCOME_WORDS
from zcprobe.plots.order import in_order
from zcprobe.plots.with_and_without_the_fix import representative_run
from zcprobe.policies import POLICIES
from zcprobe.units import format_duration_ns, format_goodput_bps, format_rate_bps

__all__ = [
    "ClaimRow",
    "PolicyRow",
    "RunRow",
    "claim_rows",
    "policy_rows",
    "relative_href",
    "run_rows",
    "shown_runs",
    "verdict_of",
    "warnings_of",
]


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the outcome table. Every value is text, and `-` where it is not known."""

    policy: str
    stands_for: str
    on_enobufs: str
    outcomes: str
    sends: str
    enobufs: str
    holders: str
    errqueue_depth_max: str
    stalls: str
    stalled: str
    goodput: str


class ClaimRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table of differences, every value as text."""

    candidate: str
    quantity: str
    effect: str
    noise: str
    p: str
    n: str
    verdict: str


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `href` leads to its folder, and `tables` has (href, name) of each of its tables. Both kinds of href are
    relative to the report."""

    folder: str
    href: str
    tables: list[tuple[str, str]]
    policy: str
    outcome: str
    sends: str
    enobufs: str
    stalls: str
    duration: str
    goodput: str
    complete: bool
    broken: list[str]


def verdict_of(comparison: Comparison) -> list[str]:
    """The sentences that are stored with the comparison, or else made from its runs. Without runs it is one sentence
    that says so."""
    return (
        comparison.meta.verdict
        or verdict(policy_results(comparison.runs), comparison.runs)
        or ["No run was made: there is nothing to compare."]
    )


def warnings_of(comparison: Comparison) -> list[str]:
    """What a reader must know before believing the numbers: each warning of the runs once, with the number of runs;
    damage of the comparison's folder; and options that differ though the runs should have been made alike."""
    counts = Counter(warning.text for run in comparison.runs for warning in run.meta.warnings)
    told = [f"{text} ({count} of {len(comparison.runs)} runs)" for text, count in counts.items()]
    told += [f"the comparison's folder is {DAMAGED}: {finding}" for finding in comparison.own_damage]
    found = differing(comparison.runs, POLICY_OPTIONS)
    if found:
        words = "; ".join(describe_values(name, values) for name, values in found.items())
        told.append(f"these runs differ in more than the policy: {words}")
    return told


def claim_rows(claims: list[Claim]) -> list[ClaimRow]:
    return [
        ClaimRow(
            candidate=claim.candidate,
            quantity=COMPARED[claim.quantity].words,
            effect=_unbroken(effect_text(claim)),
            noise=_unbroken(noise_text(claim)),
            p=f"{claim.p_corrected:.2g}",
            n=count_text(claim),
            verdict=verdict_text(claim),
        )
        for claim in claims
    ]


def shown_runs(comparison: Comparison) -> list[Run]:
    """The runs that the timelines show, one per policy."""
    runs = [representative_run(comparison.runs_of(policy)) for policy in in_order(comparison.policies)]
    return [run for run in runs if run is not None]


def policy_rows(comparison: Comparison) -> list[PolicyRow]:
    results = policy_results(comparison.runs)
    return [
        _policy_row(policy, results[policy], comparison.runs_of(policy))
        for policy in in_order(comparison.policies)
        if policy in results
    ]


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _interval(estimate: Estimate, show: Callable[[float], str]) -> str:
    """`median [low to high]`, or only the median where there is no interval."""
    median, low, high = estimate.median, estimate.low, estimate.high
    if low == high:
        low = high = None
    return interval_text(median, low, high, lambda value: _unbroken(show(value)), between="to")


def _unbroken(text: str) -> str:
    """The text with its spaces made non-breaking, so that a number stays on one line with its unit."""
    return text.replace(" ", "\u00a0")


def _policy_row(policy: str, result: PolicyResult, runs: list[Run]) -> PolicyRow:
    medians = result.medians
    known = POLICIES.get(policy)
    outcomes = (f"{count} of {len(runs)} {OUTCOME_WORDS[outcome]}" for outcome, count in result.outcomes.items())
    return PolicyRow(
        policy=policy,
        stands_for=known.stands_for if known else "",
        on_enobufs=known.on_enobufs.replace("`", "") if known else "",
        outcomes=", ".join(outcomes),
        sends=_interval(medians["sends"], _count),
        enobufs=_causes(runs),
        holders=_holders(medians["enobufs_unread_share"].median),
        errqueue_depth_max=_interval(medians["errqueue_depth_max"], _count),
        stalls=_interval(medians["stall_count"], _count),
        stalled=_interval(medians["stall_ns_total"], format_duration_ns),
        goodput=_goodput(medians),
    )


def _goodput(medians: dict[str, Estimate]) -> str:
    """The goodput of the runs whose sink reported; how long requests took, where the traffic had some; and how many
    datagrams were sent, received and are missing."""
    text = f"{_interval(medians['goodput_bps'], format_rate_bps)} (n\u00a0=\u00a0{medians['goodput_bps'].n})"
    if medians["request_p50_ns"].n:
        p50, p99 = (_interval(medians[f"request_{share}_ns"], format_duration_ns) for share in ("p50", "p99"))
        text += f"; requests: p50 {p50}, p99 {p99}"
    if not medians["datagrams_sent"].n:
        return text
    parts = [f"{_interval(medians[f'datagrams_{what}'], _count)} {what}" for what in ("sent", "received", "missing")]
    return f"{text}; datagrams: {', '.join(parts)}"


def _causes(runs: list[Run]) -> str:
    """The number of calls of all runs by cause. Calls of runs without probes have an unknown cause."""
    causes: Counter[str] = Counter()
    for run in runs:
        known = run.kernel.enobufs_causes
        causes.update({"of unknown cause": run.sender.enobufs_count} if known is None else known)
    return ", ".join(f"{count:,} {cause}" for cause, count in causes.items() if count) or "none"


def _holders(share: float | None) -> str:
    """Who held optmem, in words. `share` is the median of the unread share over the runs."""
    return "-" if share is None else f"{share:.0%} unread, {1 - share:.0%} in flight"


def relative_href(path: Path, base: Path) -> str:
    """The link to `path` from a report in the folder `base`, percent-encoded."""
    return quote(Path(os.path.relpath(path, base)).as_posix())


def run_rows(comparison: Comparison, base: Path) -> list[RunRow]:
    """One row per run, in the order in which the runs were made or given. Links are relative to the folder `base`."""
    return [
        RunRow(
            folder=run.name,
            href=relative_href(run.folder, base),
            tables=[(relative_href(path, base), path.stem) for path in sorted(run.folder.glob("*.parquet"))],
            policy=run.policy,
            outcome=OUTCOME_WORDS[run.sender.outcome],
            sends=_count(run.sender.sends),
            enobufs=_count(run.sender.enobufs_count),
            stalls=_count(run.sender.stall_count),
            duration=format_duration_ns(run.sender.duration_ns),
            goodput="; ".join(filter(None, (format_goodput_bps(run.sender.goodput_bps), datagrams_text(run.sender)))),
            complete=run.meta.complete,
            broken=[
                f"{finding.what}: {finding.expected:,} against {finding.found:,}"
                for finding in run.meta.reconciliation
                if not finding.holds
            ],
        )
        for run in comparison.runs
    ]
