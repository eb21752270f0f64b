"""What an impairment has done, by the kernel's own counters: what was asked for may have had no effect."""

import os
from pathlib import Path

import msgspec

from zcprobe.format.effects import Effects
from zcprobe.lab.impairment import HOLD_DEVICE
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netlink import open_route
from zcprobe.lab.netns import Namespace, NamespacePair
from zcprobe.lab.scenarios import Scenario

__all__ = ["read_effects"]

_NETSTAT = Path("/proc/thread-self/net/netstat")
"""Of the calling thread's namespace: /proc/net is that of the process."""


class _Queue(msgspec.Struct, frozen=True):
    """Counters of a qdisc. `packets` and `bytes` are those that have left or still wait; what was dropped is apart."""

    packets: int
    bytes: int
    waits: int
    dropped_packets: int


def _read_queue(namespace: Namespace, device: str, kind: str) -> _Queue | None:
    """Of the device's qdisc of that kind; None where there is none."""

    def read() -> _Queue | None:
        with open_route() as route:
            for index in route.link_lookup(ifname=device):
                for qdisc in route.get_qdiscs(index=index):
                    if qdisc.get_attr("TCA_KIND") == kind:
                        return _counters(qdisc)
        return None

    return run_in_namespace(namespace.name, read)


def _counters(qdisc: object) -> _Queue:
    stats = qdisc.get_attr("TCA_STATS2")  # type: ignore[attr-defined]
    done, queue = stats.get_attr("TCA_STATS_BASIC"), stats.get_attr("TCA_STATS_QUEUE")
    return _Queue(
        packets=done["packets"] + queue["qlen"],
        bytes=done["bytes"] + queue["backlog"],
        waits=queue["overlimits"],
        dropped_packets=queue["drops"],
    )


def _read_reordered(namespace: Namespace) -> int:
    """TCPOFOQueue: packets queued because one before them was missing."""
    text = run_in_namespace(namespace.name, _NETSTAT.read_text)
    lines = [line.split() for line in text.splitlines() if line.startswith("TcpExt:")]
    return int(dict(zip(*lines, strict=True))["TCPOFOQueue"])


def read_effects(pair: NamespacePair, scenario: Scenario) -> Effects:
    """Of what the scenario impairs the path between the two with. FileNotFoundError when a namespace is gone."""
    for namespace in (pair.sender, pair.sink):
        os.stat(namespace.path)
    hold = _read_queue(pair.sender, HOLD_DEVICE, "tbf") if scenario.hold is not None else None
    delay = _read_queue(pair.sink, pair.sink.device, "tbf") if scenario.delay is not None else None
    return Effects(
        held_packets=hold.packets if hold else None,
        held_bytes=hold.bytes if hold else None,
        hold_waits=hold.waits if hold else None,
        hold_dropped_packets=hold.dropped_packets if hold else None,
        delayed_packets=delay.packets if delay else None,
        delay_waits=delay.waits if delay else None,
        delay_dropped_packets=delay.dropped_packets if delay else None,
        reordered_packets=_read_reordered(pair.sink) if scenario.reorder is not None else None,
    )
