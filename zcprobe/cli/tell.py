# SPDX-License-Identifier: GPL-2.0-only
"""Tells a run in a few lines of text."""

from zcprobe.benchmark.run import CompletedRun
from zcprobe.config import RunConfig
from zcprobe.dataset.arrival import datagrams_text, sink_text
from zcprobe.format.summary import KernelSummary, SenderSummary
from zcprobe.units import format_bytes, format_duration_ns, format_goodput_bps, format_rate_bps

__all__ = ["describe_run"]


def _causes(kernel: KernelSummary, sender: SenderSummary) -> str:
    if not sender.enobufs_count:
        return "none"
    if kernel.enobufs_causes is None:
        return f"{sender.enobufs_count} (without probes: cause unknown)"
    causes = ", ".join(f"{count} by {cause}" for cause, count in kernel.enobufs_causes.items())
    if kernel.enobufs_unread_share is None:
        return causes
    unread = kernel.enobufs_unread_share
    return f"{causes}; optmem then held {unread:.0%} by unread notifications, {1 - unread:.0%} in flight"


def _size(config: RunConfig) -> str:
    """The size of the sends, where all have the same."""
    if config.traffic.model in ("stream", "rpc") and len(config.sizes) == 1:
        return f" of {format_bytes(config.sizes[0][0])}"
    return f" ({config.traffic.model} traffic)"


def _completions(sender: SenderSummary) -> str:
    """Completions, the notifications that told them, and how many the kernel reported as copied."""
    return f"{sender.completions} in {sender.notifications} notifications, {sender.copied_completions} COPIED"


def _plain_sends(sender: SenderSummary) -> str:
    """Sends without MSG_ZEROCOPY, and how many of these the policy copied on purpose."""
    return f"{sender.plain_sends}, of these {sender.copied_on_purpose} copied by the policy"


def _optmem(kernel: KernelSummary) -> str:
    """Without probes and records nobody looks at the level before a send is refused."""
    if not kernel.optmem_peak_bytes:
        return f"not measured; the limit is {kernel.optmem_max_bytes} B, {kernel.charge_bytes} B each"
    return f"at most {kernel.optmem_peak_bytes} of {kernel.optmem_max_bytes} B, {kernel.charge_bytes} B each"


def _depth(kernel: KernelSummary) -> str:
    depth = kernel.errqueue_depth_max
    return "not measured" if depth is None else f"at most {depth} notifications"


def _requests(sender: SenderSummary) -> str | None:
    if sender.request_p50_ns is None or sender.request_p99_ns is None or sender.request_max_ns is None:
        return None
    p50, p99, longest = map(format_duration_ns, (sender.request_p50_ns, sender.request_p99_ns, sender.request_max_ns))
    return f"{sender.responses} answered; p50 {p50}, p99 {p99}, longest {longest}"


def _round_trip(sender: SenderSummary) -> str | None:
    if sender.rtt_mean_ns is None or sender.rtt_min_ns is None or sender.rtt_max_ns is None:
        return None
    lowest, highest = format_duration_ns(sender.rtt_min_ns), format_duration_ns(sender.rtt_max_ns)
    return f"{format_duration_ns(sender.rtt_mean_ns)} on average, {lowest} to {highest}"


def _window(sender: SenderSummary) -> str | None:
    """How much TCP allowed itself in flight, and how fast it then saw data arrive."""
    if sender.cwnd_max_bytes is None or sender.delivery_rate_max_bps is None:
        return None
    rate = format_rate_bps(sender.delivery_rate_max_bps)
    return f"at most {format_bytes(sender.cwnd_max_bytes)}, delivery rate at most {rate}"


def describe_run(done: CompletedRun) -> str:
    kernel, sender, config = done.metadata.kernel, done.metadata.sender, done.metadata.config
    lines = (
        ("outcome", sender.outcome + (f" ({sender.error})" if sender.error else "")),
        ("sends", f"{sender.sends}{_size(config)}, {sender.in_flight_at_end} in flight at the end"),
        ("completions", _completions(sender)),
        ("plain sends", _plain_sends(sender)),
        ("ENOBUFS", _causes(kernel, sender)),
        ("stalls", f"{sender.stall_count}, {format_duration_ns(sender.stall_ns_total)} in all"),
        ("errqueue depth", _depth(kernel)),
        ("optmem", _optmem(kernel)),
        ("retransmits", None if sender.retransmit_count is None else f"{sender.retransmit_count} segments"),
        ("requests", _requests(sender)),
        ("round trip", _round_trip(sender)),
        ("TCP window", _window(sender)),
        ("datagrams", datagrams_text(sender)),
        ("goodput", format_goodput_bps(sender.goodput_bps)),
        ("sink", sink_text(sender)),
        ("folder", str(done.folder)),
    )
    head = f"{config.policy} in {config.scenario}"
    warnings = [f"warning: {warning.text}" for warning in done.metadata.warnings]
    return "\n".join([head, *(f"  {name:<15}{text}" for name, text in lines if text is not None), *warnings])
