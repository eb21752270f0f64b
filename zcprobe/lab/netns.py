"""Two network namespaces joined by a veth pair: the sender's and the sink's."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
from pyroute2 import IPRoute

from zcprobe.errors import HostError
from zcprobe.lab.interrupts import deferred_signals
from zcprobe.lab.journal import Journal
from zcprobe.lab.mechanisms import IPV6, VETH, requires
from zcprobe.lab.namespace import (
    NAMESPACE_PREFIX,
    make_namespace,
    namespace_path,
    remove_namespace,
    run_in_namespace,
)

__all__ = ["SENDER_DEVICE", "SINK_DEVICE", "Namespace", "NamespacePair", "namespace_pair"]

SENDER_DEVICE = "tx0"
SINK_DEVICE = "rx0"

_IPV4_PREFIX = 24
_IPV6_PREFIX = 64
_IFA_F_NODAD = 0x02
"""Without it an IPv6 address stays tentative, and unusable, for a second."""

_SENDER_INDEX = 100
"""Unlike the sink's, which is 2: linkwatch_urgent_event takes a device whose index equals its peer's for one without a
peer, and may then tell it only a second later that its link is up."""

_LINK_UP_TIMEOUT_S = 3.0


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """`inode` is what the kernel calls net->ns.inum, so BPF programs can filter by it."""

    name: str
    path: str
    inode: int
    device: str
    ipv4: str
    ipv6: str


class NamespacePair(msgspec.Struct, frozen=True, kw_only=True):
    sender: Namespace
    sink: Namespace


def _make_namespace(name: str, device: str, host_number: int) -> Namespace:
    make_namespace(name)
    path = namespace_path(name)
    return Namespace(
        name=name,
        path=str(path),
        inode=path.stat().st_ino,
        device=device,
        ipv4=f"10.0.0.{host_number}",
        ipv6=f"fd00::{host_number}",
    )


def _make_veth(pair: NamespacePair) -> None:
    sink_fd = os.open(pair.sink.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with requires(VETH), IPRoute() as route:
            peer = {"ifname": pair.sink.device, "net_ns_fd": sink_fd}
            route.link("add", ifname=pair.sender.device, kind="veth", peer=peer, index=_SENDER_INDEX)
    finally:
        os.close(sink_fd)


def _bring_up(namespace: Namespace) -> None:
    with IPRoute() as route:
        index = route.link_lookup(ifname=namespace.device)[0]
        with requires(VETH):
            route.addr("add", index=index, address=namespace.ipv4, prefixlen=_IPV4_PREFIX)
            if Path("/proc/sys/net/ipv6").is_dir():
                with requires(IPV6):
                    route.addr("add", index=index, address=namespace.ipv6, prefixlen=_IPV6_PREFIX, flags=_IFA_F_NODAD)
            route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
            route.link("set", index=index, state="up")


def _wait_until_up(namespace: Namespace) -> None:
    """IPv6 drops everything until linkwatch has told it that the link is up."""
    deadline = time.monotonic() + _LINK_UP_TIMEOUT_S
    with IPRoute() as route:
        while route.get_links(ifname=namespace.device)[0].get_attr("IFLA_OPERSTATE") != "UP":
            if time.monotonic() > deadline:
                raise HostError(f"{namespace.device} in {namespace.name} does not come up", "see dmesg for the reason")
            time.sleep(0.001)


def _make_pair(names: dict[str, str]) -> NamespacePair:
    pair = NamespacePair(
        sender=_make_namespace(names["tx"], SENDER_DEVICE, 1),
        sink=_make_namespace(names["rx"], SINK_DEVICE, 2),
    )
    run_in_namespace(pair.sender.name, lambda: _make_veth(pair))
    for namespace in (pair.sender, pair.sink):
        run_in_namespace(namespace.name, partial(_bring_up, namespace))
    for namespace in (pair.sender, pair.sink):
        run_in_namespace(namespace.name, partial(_wait_until_up, namespace))
    return pair


@contextmanager
def namespace_pair(journal: Journal) -> Iterator[NamespacePair]:
    """Two namespaces `zcprobe-<run id>-tx` and `-rx`, up and addressed; gone on leaving, whatever the reason.

    Sender 10.0.0.1 and fd00::1, sink 10.0.0.2 and fd00::2, all private to the pair. HostError when the host refuses.
    """
    names = {side: f"{NAMESPACE_PREFIX}{journal.run_id}-{side}" for side in ("tx", "rx")}
    try:
        with deferred_signals():
            for name in names.values():
                journal.add_namespace(name)
            pair = _make_pair(names)
        yield pair
    finally:
        with deferred_signals():
            for name in names.values():
                remove_namespace(name)
                journal.drop_namespace(name)
