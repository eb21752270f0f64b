"""A run in a few lines of text."""

from zcprobe.config import RunConfig
from zcprobe.recorder.run import CompletedRun
from zcprobe.recorder.summary import Summary
from zcprobe.units import format_bytes, format_duration_ns, format_rate_bps

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
    """Where all are of one size."""
    if config.traffic.model in ("stream", "rpc") and len(config.sizes) == 1:
        return f" of {format_bytes(config.sizes[0][0])}"
    return f" ({config.traffic.model} traffic)"


def describe_run(done: CompletedRun) -> str:
    summary, config = done.metadata.summary, done.metadata.config
    depth = (
        "not measured" if summary.errqueue_depth_max is None else f"at most {summary.errqueue_depth_max} notifications"
    )
    sink = {None: "no report", True: "intact", False: "NOT as sent"}[summary.sink_intact]
    lines = (
        ("outcome", summary.outcome + (f" ({summary.error})" if summary.error else "")),
        ("sends", f"{summary.sends}{_size(config)}, {summary.notifications} notifications"),
        ("ENOBUFS", _causes(summary)),
        ("stalls", f"{summary.stall_count}, {format_duration_ns(summary.stall_ns_total)} in all"),
        ("errqueue depth", depth),
        (
            "optmem",
            f"at most {summary.optmem_peak_bytes} of {summary.optmem_max_bytes} B, {summary.charge_bytes} B each",
        ),
        ("goodput", format_rate_bps(summary.goodput_bps)),
        ("sink", f"{sink}, {format_bytes(summary.sink_bytes or 0)}"),
        ("folder", str(done.folder)),
    )
    head = f"{config.policy} in {config.scenario}"
    warnings = [f"warning: {warning.text}" for warning in done.metadata.warnings]
    return "\n".join([head, *(f"  {name:<15}{text}" for name, text in lines), *warnings])
