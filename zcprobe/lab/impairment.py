"""Impairments of the path: held completions, late acknowledgements, and reordered packets.

Each is a description (how much, how fast) and a context manager that puts it on a namespace of the run and takes it
off again. A TBF qdisc does the waiting in the first two: a queue of known rate and length.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from zcprobe.config import Family, Protocol
from zcprobe.errors import HostError, UsageError
from zcprobe.lab.mechanisms import CLSACT, IFB, MIRRED, NETEM, TBF, requires
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netlink import open_route
from zcprobe.lab.netns import Namespace, NamespacePair
from zcprobe.signals import deferred_signals

if TYPE_CHECKING:
    from pyroute2.iproute.linux import IPRoute

__all__ = [
    "HOLD_DEVICE",
    "MIN_HOLD_BURST_BYTES",
    "DelayImpairment",
    "HoldImpairment",
    "ReorderImpairment",
    "TokenBucket",
    "delayed_acks",
    "held_clones",
    "packet_choice",
    "reordered_packets",
]

HOLD_DEVICE = "hold0"

MIN_HOLD_BURST_BYTES = 128 * 1024
"""tbf_enqueue cuts up or drops what is larger than the bucket; a GSO packet is 64 KiB plus 45 headers."""

_MIN_BURST_BYTES = 1600
_MAX_LIMIT_BYTES = 2**32 - 1
_MAX_ONE_IN_COUNT = 65536
_MIN_DELAY_NS, _MAX_DELAY_NS, _MIN_JITTER_NS = 1_000_000, 10_000_000_000, 1_000
_MAX_LIMIT_COUNT = 2**31 - 1

_PROTOCOL_NUMBER = {"tcp": 6, "udp": 17}
_IPV6_FRAGMENT = 44
_ETHER_PROTOCOL = {"ipv4": 0x0800, "ipv6": 0x86DD}
_CLSACT_EGRESS = 0xFFFFFFF3
_TC_H_ROOT = 0xFFFFFFFF
_TCP_SYSCTLS = Path("/proc/sys/net/ipv4")


class TokenBucket(msgspec.Struct, frozen=True, kw_only=True):
    """A TBF qdisc: `limit_bytes` is the longest queue it keeps; what comes on top is dropped."""

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


class HoldImpairment(msgspec.Struct, frozen=True, kw_only=True):
    """One in `one_in_count` of the sender's packets (TCP) or datagrams (UDP) has a clone that waits in `bucket`.

    The clone shares the data pages, so the completion of its send has to wait for it although the data was
    acknowledged long ago. A clone that finds the bucket full is freed at once.
    """

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


class DelayImpairment(msgspec.Struct, frozen=True, kw_only=True):
    """Acknowledgements wait in `bucket` on their way back, so many sends are in flight at once.

    A queue on the way to the sink would not do: veth keeps the packet's socket (skb_scrub_packet does not orphan since
    4.19), the sender's TSQ sees the queue and keeps it short, and sends behind it extend one notification instead of
    adding more. An acknowledged-late send, on the other hand, has left TSQ's account.

    Sends get a notification each only while the send buffer, not the congestion or receive window, is what limits the
    sender; otherwise they share the notification of the unsent tail. So the TCP settings belong to the impairment:
    buffers of fixed limits, and a congestion control that grows its window without looking at delay (cubic leaves
    slow start on it, BBR sizes its window by it). reno is in every kernel.
    """

    bucket: TokenBucket
    congestion_control: str = "reno"
    send_buffer_max_bytes: int = 4 * 1024 * 1024
    receive_buffer_max_bytes: int = 32 * 1024 * 1024


class ReorderImpairment(msgspec.Struct, frozen=True, kw_only=True):
    """Each packet on its way to the sink waits for `delay_ns` and up to `jitter_ns` more or less, then leaves: those of
    a burst out of order.

    Up to `limit_count` packets wait; what comes on top is dropped. netem leaves GSO packets whole, so it is those that
    are reordered.

    The jitter stays below an eighth of the delay, or TCP would take what is late for lost: RACK waits a quarter of the
    shortest round trip for it. (With every eighth packet sent at once the shortest was next to nothing: some 400
    recoveries in 500 sends of 64 KiB, at a tenth of the goodput; with a jitter of a tenth at most four.)
    """

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


def packet_choice(family: Family, protocol: Protocol, one_in_count: int) -> list[list[str]]:
    """For each filter its u32 keys, in pyroute2's `value/mask+offset`, that together match one in N packets of TCP or
    datagrams of UDP; offsets count from the IP header.

    IPv4 goes by the IP id, which advances by one per GSO segment, and per datagram of a connected socket; fragments
    have that of their datagram. Of datagrams it is the low bits. Of TCP it is the bits from the fourth up, as far as
    there are so many: a send of 64 KiB is 46 segments, an even number, so that by the low bits it depends on the first
    id whether 1 in 8 of the large packets is chosen, or none. IPv6 has no id without fragments. There TCP goes by the
    sequence number from bit 16 up, so whole runs of 64 KiB of the stream are chosen; a datagram by its number in our
    own header (struct zc_frame), or, once it was cut up, by the fragments' id, which is random. Without IPv4 options
    and IPv6 extension headers, which a plain sender never adds.
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


def _add_bucket(route: "IPRoute", index: int, bucket: TokenBucket) -> None:
    with requires(TBF):
        # pyroute2 takes a rate in bytes per second when it is a number.
        rate_bytes = bucket.rate_bps // 8
        route.tc("add", "tbf", index, rate=rate_bytes, burst=bucket.burst_bytes, limit=bucket.limit_bytes)


def _add_hold(device: str, hold: HoldImpairment, family: Family, protocol: Protocol) -> None:
    with open_route() as route:
        with requires(IFB):
            route.link("add", ifname=HOLD_DEVICE, kind="ifb")
            hold_index = route.link_lookup(ifname=HOLD_DEVICE)[0]
            route.link("set", index=hold_index, state="up")
        _add_bucket(route, hold_index, hold.bucket)
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
        # Frees the clones that still wait. Left there, they would keep the sender's socket alive, and the socket its
        # namespace, until the bucket has drained.
        for index in route.link_lookup(ifname=HOLD_DEVICE):
            route.link("del", index=index)


def _undo_in(namespace: Namespace, undo: Callable[[], None]) -> None:
    """Nothing to do where somebody has removed the namespace: what was in it goes with its last process."""
    with suppress(FileNotFoundError):
        run_in_namespace(namespace.name, undo)


@contextmanager
def held_clones(sender: Namespace, hold: HoldImpairment, family: Family, protocol: Protocol = "tcp") -> Iterator[None]:
    """Mirror the chosen packets that leave `sender` to an IFB behind the bucket.

    ifb_xmit frees what was mirrored, rather than redirected, to it: the clone waits and then vanishes.
    """
    try:
        with deferred_signals():
            run_in_namespace(sender.name, lambda: _add_hold(sender.device, hold, family, protocol))
        yield
    finally:
        with deferred_signals():
            _undo_in(sender, lambda: _remove_hold(sender.device))


def _set_tcp(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        try:
            (_TCP_SYSCTLS / name).write_text(value)
        except OSError as error:
            raise HostError(
                f"net.ipv4.{name} cannot be set to {value!r} in a network namespace: {error.strerror}",
                "use a kernel since 4.15, and a congestion control that is loaded",
            ) from error


def _add_delay(device: str, delay: DelayImpairment) -> None:
    _set_tcp({"tcp_rmem": f"4096 131072 {delay.receive_buffer_max_bytes}"})
    with open_route() as route:
        _add_bucket(route, route.link_lookup(ifname=device)[0], delay.bucket)


def _remove_root_qdisc(device: str, kind: str) -> None:
    with open_route() as route:
        for index in route.link_lookup(ifname=device):
            if any(qdisc.get_attr("TCA_KIND") == kind for qdisc in route.get_qdiscs(index=index)):
                route.tc("del", index=index, parent=_TC_H_ROOT)


@contextmanager
def delayed_acks(pair: NamespacePair, delay: DelayImpairment) -> Iterator[None]:
    """Put the bucket on the sink's device, where only acknowledgements leave. The TCP settings stay until the
    namespaces are gone; they are seen by nobody else."""
    sender_settings = {
        "tcp_congestion_control": delay.congestion_control,
        "tcp_wmem": f"4096 16384 {delay.send_buffer_max_bytes}",
    }
    try:
        with deferred_signals():
            run_in_namespace(pair.sender.name, lambda: _set_tcp(sender_settings))
            run_in_namespace(pair.sink.name, lambda: _add_delay(pair.sink.device, delay))
        yield
    finally:
        with deferred_signals():
            _undo_in(pair.sink, lambda: _remove_root_qdisc(pair.sink.device, "tbf"))


def _add_reorder(device: str, reorder: ReorderImpairment) -> None:
    with open_route() as route:
        index = route.link_lookup(ifname=device)[0]
        with requires(NETEM):
            # pyroute2 takes times in microseconds
            delay, jitter = reorder.delay_ns // 1000, reorder.jitter_ns // 1000
            route.tc("add", "netem", index, delay=delay, jitter=jitter, limit=reorder.limit_count)


@contextmanager
def reordered_packets(sender: Namespace, reorder: ReorderImpairment) -> Iterator[None]:
    """Put netem on the device of `sender`, where the data leaves; acknowledgements are neither late nor reordered."""
    try:
        with deferred_signals():
            run_in_namespace(sender.name, lambda: _add_reorder(sender.device, reorder))
        yield
    finally:
        with deferred_signals():
            _undo_in(sender, lambda: _remove_root_qdisc(sender.device, "netem"))
