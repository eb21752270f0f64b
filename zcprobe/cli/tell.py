# SPDX-License-Identifier: GPL-2.0-only
"""Tells a run in a few lines of text."""

from zcprobe.benchmark.run import CompletedRun
from zcprobe.config import RunConfig
from zcprobe.dataset.arrival import datagrams_text, sink_text
from zcprobe.format.summary import Summary
from zcprobe.units import format_bytes, format_duration_ns, format_goodput_bps

__all__ = ["describe_run"]


def _causes(summary: Summary) -> str:
    if not summary.enobufs_count:
        return "none"
    if summary.enobufs_causes is None:
        return f"{summary.enobufs_count} (without probes: cause unknown)"
    causes = ", ".join(f"{count} by {cause}" for cause, count in summary.enobufs_causes.items())
    if summary.enobufs_unread_share is None:
        return causes
    unread = summary.enobufs_unread_share
    return f"{causes}; optmem then held {unread:.0%} by unread notifications, {1 - unread:.0%} in flight"


def _size(config: RunConfig) -> str:
    """The size of the sends, where all have the same."""
    if config.traffic.model in ("stream", "rpc") and len(config.sizes) == 1:
        return f" of {format_bytes(config.sizes[0][0])}"
    return f" ({config.traffic.model} traffic)"


def _completions(summary: Summary) -> str:
    """Completions, the notifications that told them, and how many the kernel reported as copied."""
    return f"{summary.completions} in {summary.notifications} notifications, {summary.copied_completions} COPIED"


def _plain_sends(summary: Summary) -> str:
    """Sends without MSG_ZEROCOPY, and how many of these the policy copied on purpose."""
    return f"{summary.plain_sends}, of these {summary.copied_on_purpose} copied by the policy"


def _optmem(summary: Summary) -> str:
    return f"at most {summary.optmem_peak_bytes} of {summary.optmem_max_bytes} B, {summary.charge_bytes} B each"


def _depth(summary: Summary) -> str:
    depth = summary.errqueue_depth_max
    return "not measured" if depth is None else f"at most {depth} notifications"


def describe_run(done: CompletedRun) -> str:
    summary, config = done.metadata.summary, done.metadata.config
    lines = (
        ("outcome", summary.outcome + (f" ({summary.error})" if summary.error else "")),
        ("sends", f"{summary.sends}{_size(config)}, {summary.in_flight_at_end} in flight at the end"),
        ("completions", _completions(summary)),
        ("plain sends", _plain_sends(summary)),
        ("ENOBUFS", _causes(summary)),
        ("stalls", f"{summary.stall_count}, {format_duration_ns(summary.stall_ns_total)} in all"),
        ("errqueue depth", _depth(summary)),
        ("optmem", _optmem(summary)),
        ("retransmits", None if summary.retransmit_count is None else f"{summary.retransmit_count} segments"),
        ("datagrams", datagrams_text(summary)),
        ("goodput", format_goodput_bps(summary.goodput_bps)),
        ("sink", sink_text(summary)),
        ("folder", str(done.folder)),
    )
    head = f"{config.policy} in {config.scenario}"
    warnings = [f"warning: {warning.text}" for warning in done.metadata.warnings]
    return "\n".join([head, *(f"  {name:<15}{text}" for name, text in lines if text is not None), *warnings])
