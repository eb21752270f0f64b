# SPDX-License-Identifier: GPL-2.0-only
"""Held completions: clones of packets that wait in a queue of known rate and length."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar

import msgspec

from zcprobe.config import Family, Protocol
from zcprobe.errors import UsageError
from zcprobe.lab.impairments.path import ImpairedPath, undo_in
from zcprobe.lab.impairments.qdisc import TokenBucket, add_bucket, read_queue
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netlink import open_route
from zcprobe.lab.netns import Namespace
from zcprobe.lab.requirements import CLSACT, IFB, MIRRED, requires
from zcprobe.signals import deferred_signals

__all__ = ["HOLD_DEVICE", "MIN_HOLD_BURST_BYTES", "HoldImpairment", "held_clones", "packet_choice"]

HOLD_DEVICE = "hold0"

MIN_HOLD_BURST_BYTES = 128 * 1024
"""tbf_enqueue segments or drops packets that are larger than the bucket; a GSO packet is 64 KiB plus 45 headers."""

_MAX_ONE_IN_COUNT = 65536
_PROTOCOL_NUMBER = {"tcp": 6, "udp": 17}
_IPV6_FRAGMENT = 44
_ETHER_PROTOCOL = {"ipv4": 0x0800, "ipv6": 0x86DD}
_CLSACT_EGRESS = 0xFFFFFFF3


class HoldImpairment(msgspec.Struct, frozen=True, kw_only=True):
    """One in `one_in_count` of the sender's packets (TCP) or datagrams (UDP) has a clone that waits in `bucket`.

    The clone shares the data pages, so its send completes only when the clone is freed, although the data was
    acknowledged long before. A clone that finds the bucket full is freed at once.
    """

    prefix: ClassVar[str] = "hold"

    one_in_count: int
    bucket: TokenBucket

    def __post_init__(self) -> None:
        count = self.one_in_count
        if not 1 <= count <= _MAX_ONE_IN_COUNT or count & (count - 1):
            raise UsageError(f"1 in {count} packets cannot be chosen", "choose a power of two from 1 to 65536")
        if self.bucket.burst_bytes < MIN_HOLD_BURST_BYTES:
            raise UsageError(
                f"a burst of {self.bucket.burst_bytes} bytes cannot hold GSO packets",
                f"choose {MIN_HOLD_BURST_BYTES} bytes or more",
            )

    def put_on(self, path: ImpairedPath) -> AbstractContextManager[None]:
        return held_clones(path.pair.sender, self, path.family, path.protocol)

    def read_effects(self, path: ImpairedPath) -> dict[str, int | None]:
        queue = read_queue(path.pair.sender, HOLD_DEVICE, "tbf")
        return {
            "held_packets": queue.packets if queue else None,
            "held_bytes": queue.bytes if queue else None,
            "hold_waits": queue.waits if queue else None,
            "hold_dropped_packets": queue.dropped_packets if queue else None,
        }


def packet_choice(family: Family, protocol: Protocol, one_in_count: int) -> list[list[str]]:
    """The u32 keys of each filter, in pyroute2's form `value/mask+offset`. Together they match one in N TCP packets or
    UDP datagrams; offsets count from the IP header.

    With IPv4 packets are chosen by the IP id, which advances by one per GSO segment and per datagram of a connected
    socket; fragments have the id of their datagram. Datagrams are chosen by its low bits. TCP packets are chosen by the
    bits from the fourth up, if there are that many: a send of 64 KiB has 46 segments, an even number, so by the low
    bits the first id would decide whether 1 in 8 of the large packets is chosen or none. IPv6 has no id without
    fragments. There TCP packets are chosen by the sequence number from bit 16 up, so whole runs of 64 KiB of the stream
    are chosen; a datagram is chosen by its number in our own header (struct zc_frame) or, if it was fragmented, by the
    fragments' id, which is random. IPv4 options and IPv6 extension headers are not supported; a plain sender never adds
    them.
    """
    mask, number = one_in_count - 1, _PROTOCOL_NUMBER[protocol]
    if family == "ipv4":
        shift = min(4, 16 - mask.bit_length()) if protocol == "tcp" else 0
        return [[f"0x{number:02x}/0xff+9", *([f"0x0000/0x{mask << shift:04x}+4"] if mask else [])]]
    whole = [f"0x{number:02x}/0xff+6"]
    if protocol == "tcp":
        return [[*whole, *([f"0x00000000/0x{mask << 16:08x}+44"] if mask else [])]]
    in_frame = int.from_bytes(mask.to_bytes(4, sys.byteorder), "big")
    cut_up = [f"0x{_IPV6_FRAGMENT:02x}/0xff+6", f"0x{number:02x}/0xff+40"]
    return [
        [*whole, *([f"0x00000000/0x{in_frame:08x}+68"] if mask else [])],
        [*cut_up, *([f"0x00000000/0x{mask:08x}+44"] if mask else [])],
    ]


def _add_hold(device: str, hold: HoldImpairment, family: Family, protocol: Protocol) -> None:
    with open_route() as route:
        with requires(IFB):
            route.link("add", ifname=HOLD_DEVICE, kind="ifb")
            hold_index = route.link_lookup(ifname=HOLD_DEVICE)[0]
            route.link("set", index=hold_index, state="up")
        add_bucket(route, hold_index, hold.bucket)
        index = route.link_lookup(ifname=device)[0]
        with requires(CLSACT):
            route.tc("add", "clsact", index)
        with requires(MIRRED):
            for keys in packet_choice(family, protocol, hold.one_in_count):
                route.tc(
                    "add-filter",
                    "u32",
                    index,
                    parent=_CLSACT_EGRESS,
                    prio=1,
                    protocol=_ETHER_PROTOCOL[family],
                    target=0x10000,
                    keys=keys,
                    action={"kind": "mirred", "direction": "egress", "action": "mirror", "ifindex": hold_index},
                )


def _remove_hold(device: str) -> None:
    with open_route() as route:
        for index in route.link_lookup(ifname=device):
            if any(qdisc.get_attr("TCA_KIND") == "clsact" for qdisc in route.get_qdiscs(index=index)):
                route.tc("del", "clsact", index)
        # Frees the clones that still wait. Otherwise they would keep the sender's socket alive, and the socket its
        # namespace, until the bucket is empty.
        for index in route.link_lookup(ifname=HOLD_DEVICE):
            route.link("del", index=index)


@contextmanager
def held_clones(sender: Namespace, hold: HoldImpairment, family: Family, protocol: Protocol = "tcp") -> Iterator[None]:
    """Mirrors the chosen packets that leave `sender` to an IFB behind the bucket.

    ifb_xmit frees packets that were mirrored, not redirected, to it: the clone waits and is then freed.
    """
    try:
        with deferred_signals():
            run_in_namespace(sender.name, lambda: _add_hold(sender.device, hold, family, protocol))
        yield
    finally:
        with deferred_signals():
            undo_in(sender, lambda: _remove_hold(sender.device))
