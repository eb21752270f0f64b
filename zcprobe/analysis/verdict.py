# SPDX-License-Identifier: GPL-2.0-only
"""A comparison in words. It says only what its runs support."""

from collections.abc import Sequence

from zcprobe.dataset.run import Run
from zcprobe.format.comparison import PolicyResult
from zcprobe.format.intervals import Estimate
from zcprobe.format.outcomes import OUTCOMES
from zcprobe.units import format_duration_ns, format_goodput_bps

__all__ = ["verdict", "warning_sentences"]


def _outcome(result: PolicyResult) -> str:
    total = result.repeats
    counts = result.outcomes.items()
    return " and ".join(OUTCOMES[outcome].sentence.format(count=count, total=total) for outcome, count in counts)


def _failure(result: PolicyResult) -> str:
    """When in the run the policy met ENOBUFS, and who held optmem then."""
    sends = result.medians["sends"].median
    text = f" after a median of {sends:,.0f} sends" if "completed" not in result.outcomes else ""
    share = result.medians["enobufs_unread_share"].median
    if share is not None:
        holder = "unread notifications" if share > 0.5 else "sends still in flight"
        text += f"; at ENOBUFS {max(share, 1 - share):.0%} of the optmem charges were held by {holder}"
    return text


def _price(result: PolicyResult) -> str:
    medians = result.medians
    text = f"; goodput {format_goodput_bps(medians['goodput_bps'].median)}{_missing(medians)}"
    stalls, stalled_ns = medians["stall_count"].median, medians["stall_ns_total"].median
    if stalls and stalled_ns is not None:
        word = "stall" if stalls == 1 else "stalls"
        text += f", {stalls:.0f} {word} of {format_duration_ns(stalled_ns)} in all per run"
    return text


def _missing(medians: dict[str, Estimate]) -> str:
    """The share of the datagrams that did not arrive; empty for streams and where none is missing."""
    missing, sent = medians["datagrams_missing"].median, medians["datagrams_sent"].median
    return f", {missing / sent:.2%} of the datagrams missing" if missing and sent else ""


def _sentence(policy: str, result: PolicyResult) -> str:
    text = f"{policy} {_outcome(result)}"
    if sum(result.enobufs_causes.values()):
        text += _failure(result)
    if "completed" in result.outcomes:
        text += _price(result)
    causes = dict(result.enobufs_causes)
    causes.pop("optmem", None)
    unknown = causes.pop("unknown", 0)
    if unknown:
        text += f"; without probes the cause of {unknown} ENOBUFS is unknown"
    if causes:
        text += "; causes other than optmem: " + ", ".join(f"{cause} {count}" for cause, count in causes.items())
    return text + "."


def _conclusion(results: dict[str, PolicyResult], *, is_doubtful: bool) -> str:
    survivors = [policy for policy, result in results.items() if set(result.outcomes) == {"completed"}]
    victims = [policy for policy, result in results.items() if "dead_enobufs" in result.outcomes]
    if not victims:
        seen = any(sum(result.enobufs_causes.values()) for result in results.values())
        if seen:
            return "ENOBUFS ended no run."
        return f"No send returned ENOBUFS{'' if is_doubtful else ': this scenario does not show the failure'}."
    if not survivors:
        return "No policy completed all its runs."
    return f"{_listed(survivors)} completed every run; ENOBUFS ended runs of {_listed(victims)}."


def _listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])


def warning_sentences(runs: Sequence[Run]) -> list[str]:
    """The `warnings` of run.json, which a reader must know before believing the runs: each once, with the number of
    runs that have it. The text is that of the first such run; the numbers in it may differ in the others."""
    said: dict[str, list[str]] = {}
    for run in runs:
        for warning in run.meta.warnings:
            said.setdefault(warning.id, []).append(warning.text)
    return [f"Warning, in {len(texts)} of {len(runs)} runs: {texts[0]}." for texts in said.values()]


def verdict(results: dict[str, PolicyResult], runs: Sequence[Run] = ()) -> list[str]:
    """Sentences about `results`, which come from `policy_results()`: one for each policy, the conclusion, and the
    warnings of `runs`, from which the results were computed. Empty without results."""
    if not results:
        return []
    warnings = warning_sentences(runs)
    sentences = [_sentence(policy, result) for policy, result in results.items()]
    return [*sentences, _conclusion(results, is_doubtful=bool(warnings)), *warnings]
