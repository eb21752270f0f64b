# SPDX-License-Identifier: GPL-2.0-only
"""Data that arrives out of order."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar

import msgspec

from zcprobe.errors import UsageError
from zcprobe.lab.impairments.path import ImpairedPath, undo_in
from zcprobe.lab.impairments.qdisc import remove_root_qdisc
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netlink import open_route
from zcprobe.lab.netns import Namespace
from zcprobe.lab.requirements import NETEM, requires
from zcprobe.signals import deferred_signals

__all__ = ["ReorderImpairment", "reordered_packets"]

_MIN_DELAY_NS, _MAX_DELAY_NS, _MIN_JITTER_NS = 1_000_000, 10_000_000_000, 1_000
_MAX_LIMIT_COUNT = 2**31 - 1

_NETSTAT = Path("/proc/thread-self/net/netstat")
"""The counters of the calling thread's namespace; /proc/net would show those of the process."""


class ReorderImpairment(msgspec.Struct, frozen=True, kw_only=True):
    """Each packet to the sink waits for `delay_ns` plus or minus up to `jitter_ns`, so the packets of a burst leave out
    of order.

    Up to `limit_count` packets wait; further ones are dropped. netem does not segment GSO packets, so it reorders whole
    ones.

    The jitter stays below an eighth of the delay, because TCP would otherwise treat late packets as lost: RACK waits
    for them for a quarter of the shortest round trip. (When every eighth packet was sent at once, the shortest round
    trip was close to zero: some 400 recoveries in 500 sends of 64 KiB, at a tenth of the goodput. With a jitter of a
    tenth there were at most four.)
    """

    prefix: ClassVar[str] = "reorder"

    delay_ns: int
    jitter_ns: int
    limit_count: int

    def __post_init__(self) -> None:
        if not _MIN_DELAY_NS <= self.delay_ns <= _MAX_DELAY_NS:
            raise UsageError(f"a delay of {self.delay_ns} ns is out of range", "choose from 1 ms to 10 s")
        if not _MIN_JITTER_NS <= self.jitter_ns < self.delay_ns / 8:
            raise UsageError(
                f"a jitter of {self.jitter_ns} ns is out of range", "choose from 1 us to an eighth of the delay"
            )
        if not 1 <= self.limit_count <= _MAX_LIMIT_COUNT:
            raise UsageError(f"a queue of {self.limit_count} packets is out of range", "choose from 1 to 2^31 - 1")

    def put_on(self, path: ImpairedPath) -> AbstractContextManager[None]:
        return reordered_packets(path.pair.sender, self)

    def read_effects(self, path: ImpairedPath) -> dict[str, int | None]:
        return {"reordered_packets": _read_reordered(path.pair.sink)}


def _read_reordered(namespace: Namespace) -> int:
    """TCPOFOQueue: packets that were queued because an earlier one was missing."""
    text = run_in_namespace(namespace.name, _NETSTAT.read_text)
    lines = [line.split() for line in text.splitlines() if line.startswith("TcpExt:")]
    return int(dict(zip(*lines, strict=True))["TCPOFOQueue"])


def _add_reorder(device: str, reorder: ReorderImpairment) -> None:
    with open_route() as route:
        index = route.link_lookup(ifname=device)[0]
        with requires(NETEM):
            # pyroute2 takes times in microseconds
            delay, jitter = reorder.delay_ns // 1000, reorder.jitter_ns // 1000
            route.tc("add", "netem", index, delay=delay, jitter=jitter, limit=reorder.limit_count)


@contextmanager
def reordered_packets(sender: Namespace, reorder: ReorderImpairment) -> Iterator[None]:
    """Puts netem on the device of `sender`, where the data leaves; acknowledgements are neither delayed nor
    reordered."""
    try:
        with deferred_signals():
            run_in_namespace(sender.name, lambda: _add_reorder(sender.device, reorder))
        yield
    finally:
        with deferred_signals():
            undo_in(sender, lambda: remove_root_qdisc(sender.device, "netem"))
