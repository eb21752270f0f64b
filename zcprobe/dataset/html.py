# SPDX-License-Identifier: GPL-2.0-only
"""What notebooks show of runs: what ran, its outcome, three numbers that matter, and warnings."""

from collections.abc import Mapping, Sequence
from html import escape

from zcprobe.dataset.arrival import missing_text
from zcprobe.dataset.option_words import describe_option
from zcprobe.dataset.options import unusual_options
from zcprobe.dataset.results import lost_count
from zcprobe.format.metadata import AttachmentMetadata, Recording, RunMetadata
from zcprobe.format.outcomes import OUTCOME_WORDS, Outcome
from zcprobe.format.summary import KernelSummary, SenderSummary
from zcprobe.units import format_duration_ns, format_goodput_bps

__all__ = [
    "MOST_ROWS",
    "attachment_html",
    "collection_html",
    "counts_html",
    "run_html",
    "run_warnings",
    "three_numbers",
]

MOST_ROWS = 40
_CELL = "text-align:left;padding:2px 10px 2px 0;vertical-align:top"


def run_warnings(meta: Recording) -> list[str]:
    """Sentences that a reader must know before believing the numbers."""
    warnings = [warning.text for warning in meta.warnings]
    lost = lost_count(meta)
    if lost:
        warnings.append(f"{lost:,} events or records were lost: counts are too low")
    broken = [finding.what for finding in meta.reconciliation if not finding.holds]
    if broken and not lost:
        warnings.append(f"independent counts differ: {', '.join(broken)}")
    sender = meta.sender
    if sender is None:
        return warnings
    if not meta.probes:
        warnings.append("no probes: causes, holders and the length of the error queue are unknown")
    if sender.completions and sender.copied_completions == sender.completions:
        warnings.append("every completion was COPIED: a study of pressure, not of speed")
    if sender.sink_intact is False:
        warnings.append("the sink received other bytes than were sent")
    missing = missing_text(sender)
    if missing:
        warnings.append(f"{missing}: sent, and never received")
    return warnings


def three_numbers(kernel: KernelSummary, sender: SenderSummary) -> dict[str, str]:
    """The calls with ENOBUFS and who held optmem then; the time in stalls; and goodput, or how far a dead run came."""
    share = kernel.enobufs_unread_share
    causes = ", ".join(f"{count:,} {cause}" for cause, count in (kernel.enobufs_causes or {}).items() if count)
    enobufs = f"{sender.enobufs_count:,}" + (f" ({causes})" if causes else "")
    if share is not None:
        enobufs += f", optmem {share:.0%} unread, {1 - share:.0%} in flight"
    of_run = sender.stall_ns_total / sender.duration_ns if sender.duration_ns else 0.0
    total = format_duration_ns(sender.stall_ns_total)
    stalled = f"{total} in {sender.stall_count:,} stalls, {of_run:.0%} of the run"
    if sender.outcome == "completed":
        return {"ENOBUFS": enobufs, "stalled": stalled, "goodput": format_goodput_bps(sender.goodput_bps)}
    lived = f"{sender.sends:,} sends, {format_duration_ns(sender.duration_ns)}"
    return {"ENOBUFS": enobufs, "stalled": stalled, "lived for": lived}


def _outcome(meta: RunMetadata) -> str:
    return OUTCOME_WORDS[meta.sender.outcome]


def _what_ran(meta: RunMetadata) -> str:
    """The policy, the scenario, the number of sends, and every option that differs from its default."""
    config, host = meta.config, meta.host
    parts = [
        f"policy {config.policy}",
        f"scenario {config.scenario}",
        f"{meta.sender.sends:,} sends",
        *(describe_option(name, value) for name, value in unusual_options(meta).items()),
        f"Linux {host.kernel_release}",
    ]
    return ", ".join(parts)


def _warning(text: str) -> str:
    return f'<div style="color:#8a4b00">&#9888; {escape(text)}</div>'


def _row(cells: Sequence[str], tag: str = "td") -> str:
    return "<tr>" + "".join(f'<{tag} style="{_CELL}">{escape(cell)}</{tag}>' for cell in cells) + "</tr>"


def run_html(name: str, meta: RunMetadata) -> str:
    """The HTML of one run. All text is escaped, so that it is safe whatever the folder is called."""
    numbers = three_numbers(meta.kernel, meta.sender)
    rows = "".join(_row(pair) for pair in [("outcome", _outcome(meta)), *numbers.items()])
    warnings = "".join(_warning(text) for text in run_warnings(meta))
    return f"<div><b>{escape(name)}</b><br>{escape(_what_ran(meta))}<table>{rows}</table>{warnings}</div>"


def attachment_html(name: str, meta: AttachmentMetadata) -> str:
    """The HTML of one attachment: its findings, and what a reader must know before believing them."""
    rows = "".join(f"<li>{escape(f'{one.id}: {one.what} {one.do}')}</li>" for one in meta.kernel.findings)
    warnings = "".join(_warning(text) for text in run_warnings(meta))
    what = f"{meta.selection}, watched for {format_duration_ns(meta.kernel.duration_ns)}"
    return f"<div><b>{escape(name)}</b><br>{escape(what)}<ul>{rows}</ul>{warnings}</div>"


def collection_html(
    runs: Sequence[tuple[str, Recording]],
    verdict: Sequence[str],
    skipped: Sequence[str] = (),
    damage: Sequence[str] = (),
) -> str:
    """The HTML of several runs: a row per run, at most 40; then the verdict; each warning once, with the number of its
    runs; the runs that were left out; and what is damaged of the whole."""
    head = _row(["policy", "scenario", "outcome", "ENOBUFS", "stalled", "goodput or life", "run"], "th")
    rows = [_collection_row(name, meta) for name, meta in runs[:MOST_ROWS]]
    counts: dict[str, int] = {}
    for _, meta in runs:
        for text in run_warnings(meta):
            counts[text] = counts.get(text, 0) + 1
    notes = "".join(_warning(f"{text} ({count} of {len(runs)} runs)") for text, count in counts.items())
    notes += "".join(_warning(f"left out: {text}") for text in skipped)
    notes += "".join(_warning(text) for text in damage)
    more = f"<div>and {len(runs) - MOST_ROWS} more</div>" if len(runs) > MOST_ROWS else ""
    sentences = "".join(f"<div>{escape(sentence)}</div>" for sentence in verdict)
    return f"<div><b>{len(runs)} runs</b><table>{head}{''.join(rows)}</table>{more}{sentences}{notes}</div>"


def counts_html(counts: Mapping[tuple[str | None, str | None, Outcome | None], int], skipped: Sequence[str]) -> str:
    """The HTML of more runs than have a row each, from the number of runs by scenario, policy and outcome, which are
    None for attachments; and the runs that were left out."""
    outcomes: dict[tuple[str, str], list[str]] = {}
    for (scenario, policy, outcome), count in sorted(counts.items(), key=lambda item: tuple(map(str, item[0]))):
        word = "watched" if outcome is None else OUTCOME_WORDS[outcome]
        outcomes.setdefault((policy or "", scenario or "(attachments)"), []).append(f"{count:,} {word}")
    rows = [_row((*way, ", ".join(told))) for way, told in outcomes.items()]
    notes = "".join(_warning(f"left out: {text}") for text in skipped)
    head = _row(["policy", "scenario", "outcomes"], "th")
    return f"<div><b>{sum(counts.values()):,} runs</b>, from an index<table>{head}{''.join(rows)}</table>{notes}</div>"


def _collection_row(name: str, meta: Recording) -> str:
    if not isinstance(meta, RunMetadata):
        return _row(["", "(attachment)", "", "", "", "", name])
    numbers = list(three_numbers(meta.kernel, meta.sender).values())
    return _row([meta.config.policy, meta.config.scenario, _outcome(meta), *numbers, name])
