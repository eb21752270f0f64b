# SPDX-License-Identifier: GPL-2.0-only
"""The main numbers of one run, from what its sender and its sink counted."""

import os
from typing import Any, get_args

from zcprobe.benchmark.arrival import arrived, goodput_bps, is_intact
from zcprobe.benchmark.latency import quantile_ns
from zcprobe.config import FlushVariant
from zcprobe.format.outcomes import worst_outcome
from zcprobe.format.summary import ChannelSummary, SenderSummary
from zcprobe.native.checks import CHECK_TEXTS
from zcprobe.wire import ChannelReport, SenderReport

__all__ = ["summarize", "summarize_channel"]

_SUMMED = (
    "writes",
    "sends",
    "plain_sends",
    "copied_on_purpose",
    "completions",
    "notifications",
    "copied_completions",
    "flush_count",
    "missed_zero_copy_count",
    "enobufs_count",
    "eagain_count",
    "constrained_count",
    "stall_count",
    "stall_ns_total",
    "responses",
    "bytes_sent",
    "cpu_user_ns",
    "cpu_system_ns",
    "lost_records",
)

_SUMMED_IF_KNOWN = (
    "bytes_acked",
    "retransmit_count",
    "sink_bytes",
    "bytes_missing",
    "datagrams_sent",
    "datagrams_received",
    "datagrams_missing",
    "datagrams_repeated",
)


def _error_text(result: dict[str, int]) -> str | None:
    if not result["error"]:
        return None
    text = os.strerror(result["error"])
    check = CHECK_TEXTS.get(result["error_check"])
    return f"{check}: {text}" if check else text


def _missed_by_variant(result: dict[str, int]) -> dict[str, int]:
    return {variant: result[f"missed_{variant.replace('-', '_')}_count"] for variant in get_args(FlushVariant)}


def _requests(reports: list[ChannelReport]) -> dict[str, Any]:
    """How long the requests of all channels took; None for other traffic than rpc."""
    counted = [report.latencies for report in reports]
    longest_ns = max(report.result["request_max_ns"] for report in reports)
    return {
        "request_p50_ns": quantile_ns(counted, 0.5),
        "request_p99_ns": quantile_ns(counted, 0.99),
        "request_max_ns": longest_ns or None,
    }


def _tcp_info(results: list[dict[str, int]]) -> dict[str, Any]:
    """What TCP knew of the paths of all channels, as sampled; None if one of them has no sample."""
    names = ("rtt_min_ns", "rtt_mean_ns", "rtt_max_ns", "cwnd_max_bytes", "delivery_rate_max_bps")
    if not all(result["rtt_sample_count"] for result in results):
        return dict.fromkeys(names)
    count, total_ns = (sum(result[name] for result in results) for name in ("rtt_sample_count", "rtt_sum_ns"))
    return {
        "rtt_min_ns": min(result["rtt_min_ns"] for result in results),
        "rtt_mean_ns": round(total_ns / count),
        **{name: max(result[name] for result in results) for name in names if "max" in name},
    }


def summarize_channel(report: ChannelReport, *, is_datagram: bool) -> ChannelSummary:
    result = report.result
    return ChannelSummary(
        outcome=report.outcome,
        error=_error_text(result),
        start_ns=result["start_ns"],
        end_ns=result["end_ns"],
        writes=result["write_count"],
        sends=result["send_count"],
        plain_sends=result["plain_count"],
        copied_on_purpose=result["copied_on_purpose_count"],
        completions=result["completion_count"],
        notifications=result["notification_count"],
        copied_completions=result["copied_completion_count"],
        enobufs_count=result["enobufs_count"],
        eagain_count=result["eagain_count"],
        constrained_count=result["constrained_count"],
        stall_count=result["stall_count"],
        stall_ns_total=result["stall_ns"],
        stall_ns_max=result["stall_max_ns"],
        flush_count=result["flush_count"],
        missed_zero_copy_count=result["missed_zero_copy_count"],
        missed_by_variant=_missed_by_variant(result),
        rounds=result["round_count"],
        converged=bool(result["converged"]),
        downtime_ns=result["downtime_ns"],
        responses=result["response_count"],
        optmem_baseline_bytes=result["optmem_baseline_bytes"],
        optmem_peak_bytes=result["optmem_peak_bytes"],
        bytes_sent=result["bytes_sent"],
        bytes_acked=report.acked_bytes,
        retransmit_count=report.retransmit_count,
        cpu_user_ns=result["cpu_user_ns"],
        cpu_system_ns=result["cpu_system_ns"],
        sink_intact=is_intact(report, is_datagram=is_datagram),
        lost_records=report.lost_records,
        **_requests([report]),
        **_tcp_info([result]),
        **arrived(report, is_datagram=is_datagram),
    )


def _is_whole_intact(channels: list[ChannelSummary]) -> bool | None:
    """Whether all streams are intact; None if a sink did not report or did not check."""
    intact = [channel.sink_intact for channel in channels]
    if any(channel.sink_bytes is None for channel in channels):
        return None
    return False if False in intact else None if None in intact else True


def _sum_if_known(values: list[int | None]) -> int | None:
    """The sum; None if one value is unknown, because the rest would look like the whole."""
    return None if None in values else sum(value for value in values if value is not None)


def _migration(results: list[dict[str, int]]) -> dict[str, Any]:
    rounds = max(result["round_count"] for result in results)
    if not rounds:
        return {"rounds": 0, "converged": None, "downtime_ns": None}
    return {
        "rounds": rounds,
        "converged": all(result["converged"] for result in results),
        "downtime_ns": max(result["downtime_ns"] for result in results),
    }


def summarize(report: SenderReport, *, is_datagram: bool) -> SenderSummary:
    """What sender and sink counted, over all channels."""
    channels = [summarize_channel(one, is_datagram=is_datagram) for one in report.channels]
    outcome = worst_outcome([channel.outcome for channel in channels])
    results = [one.result for one in report.channels]
    duration_ns = max(result["end_ns"] for result in results) - min(result["start_ns"] for result in results)
    missed = [_missed_by_variant(result) for result in results]
    summed = {name: sum(getattr(channel, name) for channel in channels) for name in _SUMMED}
    if_known: dict[str, Any] = {
        name: _sum_if_known([getattr(channel, name) for channel in channels]) for name in _SUMMED_IF_KNOWN
    }
    return SenderSummary(
        outcome=outcome,
        error=next(channel.error for channel in channels if channel.outcome == outcome),
        duration_ns=duration_ns,
        in_flight_at_end=summed["sends"] - summed["completions"],
        missed_by_variant={variant: sum(one[variant] for one in missed) for variant in get_args(FlushVariant)},
        stall_ns_max=max(result["stall_max_ns"] for result in results),
        goodput_bps=goodput_bps([channel.sink for channel in report.channels], duration_ns),
        sink_intact=_is_whole_intact(channels),
        **_migration(results),
        **_requests(report.channels),
        **_tcp_info(results),
        **if_known,
        **summed,
    )
