# SPDX-License-Identifier: GPL-2.0-only
"""The main numbers of one run: the members `kernel`, `sender` and `channels` of run.json."""

import msgspec

from zcprobe.format.outcomes import Outcome

__all__ = ["ChannelSummary", "KernelSummary", "SenderSummary"]


class ChannelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What sender and sink counted for one channel; the members have the same meaning as in the two summaries below.
    `start_ns` and `end_ns` are CLOCK_MONOTONIC, or None in runs made before there were channels. The levels of optmem
    are those of this channel's SO_MEMINFO samples."""

    outcome: Outcome
    error: str | None
    start_ns: int | None
    end_ns: int | None
    writes: int
    sends: int
    plain_sends: int | None
    copied_on_purpose: int
    completions: int
    notifications: int
    copied_completions: int
    enobufs_count: int
    eagain_count: int | None
    constrained_count: int | None
    stall_count: int
    stall_ns_total: int
    stall_ns_max: int | None
    flush_count: int | None
    missed_zero_copy_count: int
    missed_by_variant: dict[str, int] | None
    rounds: int | None
    converged: bool | None
    downtime_ns: int | None
    responses: int | None
    request_p50_ns: int | None
    request_p99_ns: int | None
    request_max_ns: int | None
    optmem_baseline_bytes: int
    optmem_peak_bytes: int
    bytes_sent: int
    bytes_acked: int | None
    retransmit_count: int | None
    rtt_min_ns: int | None
    rtt_mean_ns: int | None
    rtt_max_ns: int | None
    cwnd_max_bytes: int | None
    delivery_rate_max_bps: int | None
    cpu_user_ns: int
    cpu_system_ns: int
    sink_bytes: int | None
    sink_intact: bool | None
    bytes_missing: int | None
    datagrams_sent: int | None
    datagrams_received: int | None
    datagrams_missing: int | None
    datagrams_repeated: int | None
    lost_records: int


class KernelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel said of the sockets of a subject, of whatever kind it is: the limit, the levels of optmem, and
    what the probes saw. docs/run-format.md describes each member.

    Members that only the probes know are None without probes. The level of optmem is in SO_MEMINFO and in the probes'
    events alike: `optmem_peak_bytes` is the highest that either has seen.
    """

    optmem_max_bytes: int
    optmem_baseline_bytes: int
    optmem_peak_bytes: int
    charge_bytes: int
    errqueue_depth_max: int | None
    merged_notifications: int | None
    true_copied_completions: int | None
    enobufs_causes: dict[str, int] | None
    enobufs_in_flight_bytes: int | None
    enobufs_unread_bytes: int | None
    enobufs_unread_share: float | None
    lost_events: int


class SenderSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What our own sender and its sink counted, over all channels. docs/run-format.md describes each member. A member
    that was added later is None in runs made before."""

    outcome: Outcome
    error: str | None
    duration_ns: int
    writes: int
    sends: int
    plain_sends: int | None
    copied_on_purpose: int
    completions: int
    in_flight_at_end: int
    notifications: int
    copied_completions: int
    flush_count: int | None
    missed_zero_copy_count: int
    missed_by_variant: dict[str, int] | None
    enobufs_count: int
    eagain_count: int | None
    constrained_count: int | None
    stall_count: int
    stall_ns_total: int
    stall_ns_max: int | None
    rounds: int | None
    converged: bool | None
    downtime_ns: int | None
    responses: int | None
    request_p50_ns: int | None
    request_p99_ns: int | None
    request_max_ns: int | None
    bytes_sent: int
    bytes_acked: int | None
    retransmit_count: int | None
    rtt_min_ns: int | None
    rtt_mean_ns: int | None
    rtt_max_ns: int | None
    cwnd_max_bytes: int | None
    delivery_rate_max_bps: int | None
    goodput_bps: float | None
    cpu_user_ns: int
    cpu_system_ns: int
    sink_bytes: int | None
    sink_intact: bool | None
    bytes_missing: int | None
    datagrams_sent: int | None
    datagrams_received: int | None
    datagrams_missing: int | None
    datagrams_repeated: int | None
    lost_records: int
