# SPDX-License-Identifier: GPL-2.0-only
"""Queues in which packets wait: how to put them on a device, read them, and remove them."""

from typing import TYPE_CHECKING

import msgspec

from zcprobe.errors import UsageError
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netlink import open_route
from zcprobe.lab.netns import Namespace
from zcprobe.lab.requirements import TBF, requires

if TYPE_CHECKING:
    from pyroute2.iproute.linux import IPRoute

__all__ = ["QueueCounters", "TokenBucket", "add_bucket", "read_queue", "remove_root_qdisc"]

_MIN_BURST_BYTES = 1600
_MAX_LIMIT_BYTES = 2**32 - 1
_TC_H_ROOT = 0xFFFFFFFF


class TokenBucket(msgspec.Struct, frozen=True, kw_only=True):
    """A TBF qdisc. `limit_bytes` is the longest queue that it keeps; further packets are dropped."""

    rate_bps: int
    burst_bytes: int
    limit_bytes: int

    def __post_init__(self) -> None:
        if not 8_000 <= self.rate_bps < 2**32 * 8:
            raise UsageError(f"a rate of {self.rate_bps} bit/s is out of range", "choose from 8 kbit/s to 34 Gbit/s")
        if self.burst_bytes < _MIN_BURST_BYTES:
            raise UsageError(
                f"a burst of {self.burst_bytes} bytes is out of range",
                f"choose {_MIN_BURST_BYTES} or more, a packet has to fit",
            )
        if not 1 <= self.limit_bytes <= _MAX_LIMIT_BYTES:
            raise UsageError(f"a queue of {self.limit_bytes} bytes is out of range", "choose from 1 byte to 4 GiB")


def add_bucket(route: "IPRoute", index: int, bucket: TokenBucket) -> None:
    with requires(TBF):
        # pyroute2 takes a rate in bytes per second when it is a number.
        rate_bytes = bucket.rate_bps // 8
        route.tc("add", "tbf", index, rate=rate_bytes, burst=bucket.burst_bytes, limit=bucket.limit_bytes)


def remove_root_qdisc(device: str, kind: str) -> None:
    with open_route() as route:
        for index in route.link_lookup(ifname=device):
            if any(qdisc.get_attr("TCA_KIND") == kind for qdisc in route.get_qdiscs(index=index)):
                route.tc("del", index=index, parent=_TC_H_ROOT)


class QueueCounters(msgspec.Struct, frozen=True):
    """Counters of a qdisc. `packets` and `bytes` count those that have left or still wait, without dropped ones."""

    packets: int
    bytes: int
    waits: int
    dropped_packets: int


def read_queue(namespace: Namespace, device: str, kind: str) -> QueueCounters | None:
    """The counters of the device's qdisc of that kind; None if it has none."""

    def read() -> QueueCounters | None:
        with open_route() as route:
            for index in route.link_lookup(ifname=device):
                for qdisc in route.get_qdiscs(index=index):
                    if qdisc.get_attr("TCA_KIND") == kind:
                        return _counters(qdisc)
        return None

    return run_in_namespace(namespace.name, read)


def _counters(qdisc: object) -> QueueCounters:
    stats = qdisc.get_attr("TCA_STATS2")  # type: ignore[attr-defined]
    done, queue = stats.get_attr("TCA_STATS_BASIC"), stats.get_attr("TCA_STATS_QUEUE")
    return QueueCounters(
        packets=done["packets"] + queue["qlen"],
        bytes=done["bytes"] + queue["backlog"],
        waits=queue["overlimits"],
        dropped_packets=queue["drops"],
    )
