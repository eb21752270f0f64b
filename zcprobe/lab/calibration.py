# SPDX-License-Identifier: GPL-2.0-only
"""A scenario's rates, computed from what this machine achieves, so that a scenario means the same on fast and slow
machines.

Before a run of such a scenario its own sender sends on the unimpaired path for a moment. Rates that the scenario gives
as shares of that goodput (`Shares`) are computed from it and stored with the run.
"""

import msgspec

from zcprobe.config import DEFAULT_DEADLINE_S, RunConfig
from zcprobe.format.calibration import Calibration
from zcprobe.lab.impairments.delay import DelayImpairment
from zcprobe.lab.impairments.hold import HoldImpairment
from zcprobe.lab.impairments.qdisc import TokenBucket
from zcprobe.lab.scenarios import Scenario

__all__ = ["CALIBRATION_S", "calibrated", "deadline_s"]

CALIBRATION_S = 0.25
"""How long calibration takes: windows grow to their size, and a busy CPU gives some dozens of time slices."""

_GSO_PACKET_BYTES = 64 * 1024
_GSO_HEADER_BYTES = 46 * 86
"""Bytes of a send with the headers of its segments as a queue counts them: Ethernet, IPv6 and TCP with timestamps."""

_ACK_BYTES = 66
"""Bytes of an acknowledgement: Ethernet, IPv4 and TCP with timestamps. IPv6 has 20 more, so its acknowledgements come a
little later."""

_LEAST_RATE_BPS = 8_000
_LARGEST_RATE_BPS = 2**32 * 8 - 1
"""The rate within the range that a TBF qdisc accepts."""


def _rate(value: float) -> int:
    return int(min(max(value, _LEAST_RATE_BPS), _LARGEST_RATE_BPS))


def _hold(hold: HoldImpairment, share: float, measured: Calibration) -> HoldImpairment:
    """The length of the queue: the scenario's own, or twice the packets whose sends fill optmem for each channel that
    shares it. So optmem overflows before the queue does."""
    of_one_bytes = max(
        hold.bucket.limit_bytes, 2 * measured.notifications_max * (_GSO_PACKET_BYTES + _GSO_HEADER_BYTES)
    )
    bucket = TokenBucket(
        rate_bps=_rate(share * measured.goodput_bps / hold.one_in_count),
        burst_bytes=hold.bucket.burst_bytes,
        limit_bytes=min(measured.channels * of_one_bytes, 2**32 - 1),
    )
    return msgspec.structs.replace(hold, bucket=bucket)


def _count_until_full(share: float, one_in_count: int, notifications_max: int) -> int:
    """Number of sends: two and a half times the number after which held sends alone fill optmem. One clone of
    `one_in_count` packets comes to the queue, and `share` of these leave it. Even a path that becomes half as fast
    after calibration, on busy CPUs, still fills optmem."""
    return int(2.5 * notifications_max * one_in_count / (1 - share))


def deadline_s(config: RunConfig, scenario: Scenario, goodput_bps: float) -> float:
    """The deadline: three times as long as the run takes when the impairment slows it down throughout; at least the
    default."""
    shares = [share for share in msgspec.structs.astuple(scenario.shares) if share is not None]
    return max(DEFAULT_DEADLINE_S, 3 * config.total_bytes * 8 / (goodput_bps * min(shares, default=1.0)))


def calibrated(scenario: Scenario, measured: Calibration) -> tuple[Scenario, Calibration]:
    """The scenario with the rates computed from `measured`, and these rates together with what was measured. A scenario
    that holds clones back sends until held sends could have filled optmem more than twice."""
    shares, goodput_bps = scenario.shares, measured.goodput_bps
    hold, delay = scenario.find(HoldImpairment), scenario.find(DelayImpairment)
    reading, count = scenario.reading, scenario.send_count
    rates: dict[str, int] = {}
    if shares.hold is not None and hold is not None:
        hold = _hold(hold, shares.hold, measured)
        scenario = scenario.with_impairment(hold)
        rates["hold_rate_bps"] = hold.bucket.rate_bps
        count = max(count, _count_until_full(shares.hold, hold.one_in_count, measured.notifications_max))
    if shares.acks is not None and delay is not None:
        rates["ack_rate_bps"] = _rate(shares.acks * goodput_bps / _GSO_PACKET_BYTES * _ACK_BYTES)
        bucket = msgspec.structs.replace(delay.bucket, rate_bps=rates["ack_rate_bps"])
        scenario = scenario.with_impairment(msgspec.structs.replace(delay, bucket=bucket))
    if shares.read is not None:
        rates["read_bps"] = _rate(shares.read * goodput_bps / measured.channels)
        reading = msgspec.structs.replace(reading, read_bps=rates["read_bps"])
    changed = msgspec.structs.replace(scenario, reading=reading, send_count=count)
    return changed, msgspec.structs.replace(measured, **rates)
