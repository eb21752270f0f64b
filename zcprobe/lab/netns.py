# SPDX-License-Identifier: GPL-2.0-only
"""Two network namespaces, the sender's and the sink's, joined by a veth pair or by two devices of this host."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from zcprobe.errors import HostError
from zcprobe.journal import Journal
from zcprobe.lab.device import check_lendable, give_back, lend
from zcprobe.lab.namespace import (
    NAMESPACE_PREFIX,
    make_namespace,
    namespace_path,
    remove_namespace,
    run_in_namespace,
)
from zcprobe.lab.netlink import open_route
from zcprobe.lab.requirements import IPV6, LINK, VETH, requires
from zcprobe.signals import deferred_signals

if TYPE_CHECKING:
    from pyroute2.iproute.linux import IPRoute

__all__ = ["SENDER_DEVICE", "SINK_DEVICE", "Namespace", "NamespacePair", "namespace_pair"]

SENDER_DEVICE = "tx0"
SINK_DEVICE = "rx0"

_IPV4_PREFIX = 24
_IPV6_PREFIX = 64
_IFA_F_NODAD = 0x02
"""Without this flag an IPv6 address stays tentative and unusable for a second."""

_SENDER_INDEX = 100
"""It differs from the sink's index, which is 2: linkwatch_urgent_event treats a device whose index equals its peer's as
one without a peer, and may report only a second later that its link is up."""

_LINK_UP_TIMEOUT_S = 10.0
"""Time for a link to come up: veth takes a moment, a network card that negotiates with its peer some seconds."""


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """`inode` is the kernel's net->ns.inum, by which BPF programs filter."""

    name: str
    path: str
    inode: int
    device: str
    ipv4: str
    ipv6: str


class NamespacePair(msgspec.Struct, frozen=True, kw_only=True):
    sender: Namespace
    sink: Namespace


def _make_namespace(name: str, device: str, host_number: int, journal: Journal) -> Namespace:
    inode = make_namespace(name, lambda inode: journal.add_namespace(name, inode))
    return Namespace(
        name=name,
        path=str(namespace_path(name)),
        inode=inode,
        device=device,
        ipv4=f"10.0.0.{host_number}",
        ipv6=f"fd00::{host_number}",
    )


def _make_veth(pair: NamespacePair, route: "IPRoute") -> None:
    sink_fd = os.open(pair.sink.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with requires(VETH):
            peer = {"ifname": pair.sink.device, "net_ns_fd": sink_fd}
            route.link("add", ifname=pair.sender.device, kind="veth", peer=peer, index=_SENDER_INDEX)
    finally:
        os.close(sink_fd)


def _bring_up(namespace: Namespace, route: "IPRoute") -> None:
    index = route.link_lookup(ifname=namespace.device)[0]
    with requires(LINK):
        route.addr("add", index=index, address=namespace.ipv4, prefixlen=_IPV4_PREFIX)
        if Path("/proc/sys/net/ipv6").is_dir():
            with requires(IPV6):
                route.addr("add", index=index, address=namespace.ipv6, prefixlen=_IPV6_PREFIX, flags=_IFA_F_NODAD)
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
        route.link("set", index=index, state="up")


def _wait_until_up(namespace: Namespace, route: "IPRoute") -> None:
    """IPv6 drops everything until linkwatch has reported that the link is up."""
    deadline = time.monotonic() + _LINK_UP_TIMEOUT_S
    while route.get_links(ifname=namespace.device)[0].get_attr("IFLA_OPERSTATE") != "UP":
        if time.monotonic() > deadline:
            raise HostError(f"{namespace.device} in {namespace.name} does not come up", "see dmesg for the reason")
        time.sleep(0.001)


def _make_namespaces(names: dict[str, str], devices: tuple[str, str], journal: Journal) -> NamespacePair:
    return NamespacePair(
        sender=_make_namespace(names["tx"], devices[0], 1, journal),
        sink=_make_namespace(names["rx"], devices[1], 2, journal),
    )


def _connect(pair: NamespacePair, *, veth: bool) -> None:
    """Makes the link (a new veth pair, or existing devices) and brings it up on both sides. A netlink socket costs 3
    ms."""

    def start_sender() -> None:
        with open_route() as route:
            if veth:
                _make_veth(pair, route)
            _bring_up(pair.sender, route)

    def start_sink() -> None:
        with open_route() as route:
            _bring_up(pair.sink, route)
            _wait_until_up(pair.sink, route)

    def wait_for_sender() -> None:
        with open_route() as route:
            _wait_until_up(pair.sender, route)

    run_in_namespace(pair.sender.name, start_sender)
    run_in_namespace(pair.sink.name, start_sink)
    run_in_namespace(pair.sender.name, wait_for_sender)


@contextmanager
def _lent_device(namespace: Namespace, journal: Journal) -> Iterator[None]:
    """Moves the host's device into the namespace; on leaving the context it is back, up or down as before.
    HostError."""
    up = check_lendable(namespace.device)
    try:
        with deferred_signals():
            journal.add_device(namespace.device, namespace.name, up=up)
            lend(namespace.device, namespace.name)
        yield
    finally:
        with deferred_signals():
            give_back(namespace.device, namespace.name, up=up)
            journal.drop_device(namespace.device)


def _undo_namespace(name: str, inode: int, journal: Journal) -> None:
    with suppress(FileExistsError):  # another namespace has its name by now: ours has no name, and is gone
        remove_namespace(name, inode)
    journal.drop_namespace(name)


@contextmanager
def namespace_pair(journal: Journal, link: tuple[str, str] | None = None) -> Iterator[NamespacePair]:
    """Makes two namespaces `zcprobe-<run id>-tx` and `-rx` with links up and addresses; leaving the context always
    removes them.

    Sender 10.0.0.1 and fd00::1, sink 10.0.0.2 and fd00::2, all private to the pair. `link` names two devices of this
    host that are connected and not in use; None makes a veth pair. HostError if the host refuses.
    """
    names = {side: f"{NAMESPACE_PREFIX}{journal.run_id}-{side}" for side in ("tx", "rx")}
    try:
        with ExitStack() as lent:
            with deferred_signals():
                pair = _make_namespaces(names, link or (SENDER_DEVICE, SINK_DEVICE), journal)
            if link is not None:
                for namespace in (pair.sender, pair.sink):
                    lent.enter_context(_lent_device(namespace, journal))
            with deferred_signals():
                _connect(pair, veth=link is None)
            yield pair
    finally:
        with deferred_signals(), ExitStack() as made:  # it undoes each of them, whatever the others raise
            for name, inode in journal.record.namespaces.items():
                made.callback(_undo_namespace, name, inode, journal)
