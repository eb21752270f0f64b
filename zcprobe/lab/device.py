# SPDX-License-Identifier: GPL-2.0-only
"""Lends a network device of this host to a namespace of a run, and gives it back.

A device loses its addresses and routes when it changes namespace. So only a device without an address is lent: then the
only state to restore is whether it was up.
"""

import array
import fcntl
import os
import socket
import struct
import time

from zcprobe.errors import HostError
from zcprobe.lab.namespace import namespace_path, run_in_namespace
from zcprobe.lab.netlink import netlink_error, open_route
from zcprobe.lab.requirements import LINK, requires

__all__ = ["check_lendable", "give_back", "has_scatter_gather", "lend", "read_mtu", "route_device"]

_IFF_UP = 1
_SCOPE_LINK = 253
_SIOCGIFMTU = 0x8921
_SIOCETHTOOL = 0x8946
_ETHTOOL_GFEATURES = 0x3A
_NETIF_F_SG = 1
_RETURN_TIMEOUT_S = 5.0
"""Time for a namespace that has ended to hand its devices back."""


def check_lendable(device: str) -> bool:
    """Whether the device is up. HostError if it does not exist, or has an address that would be lost."""
    with open_route() as route:
        links = route.get_links(ifname=device) if route.link_lookup(ifname=device) else []
        if not links:
            raise HostError(f"there is no network device {device!r}", "ip link lists this host's")
        addresses = route.get_addr(index=links[0]["index"])
    in_use = [address.get_attr("IFA_ADDRESS") for address in addresses if address["scope"] != _SCOPE_LINK]
    if in_use:
        raise HostError(
            f"{device} has the address {in_use[0]}", f"give a device that is not in use, or ip addr flush dev {device}"
        )
    return bool(links[0]["flags"] & _IFF_UP)


def _move(device: str, netns_fd: int) -> None:
    with requires(LINK), open_route() as route:
        for index in route.link_lookup(ifname=device):
            route.link("set", index=index, net_ns_fd=netns_fd)


def lend(device: str, namespace: str) -> None:
    """Moves the device from the caller's namespace into the one of that name."""
    netns_fd = os.open(namespace_path(namespace), os.O_RDONLY | os.O_CLOEXEC)
    try:
        _move(device, netns_fd)
    finally:
        os.close(netns_fd)


def give_back(device: str, namespace: str, *, up: bool) -> None:
    """Moves the device back into the caller's namespace, and up if it was up before. HostError if it does not come
    back."""
    own_fd = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if namespace_path(namespace).exists():
            run_in_namespace(namespace, lambda: _move(device, own_fd))
    finally:
        os.close(own_fd)
    deadline = time.monotonic() + _RETURN_TIMEOUT_S
    with open_route() as route:
        while not route.link_lookup(ifname=device):
            if time.monotonic() > deadline:
                raise HostError(f"{device} did not come back from {namespace}", "ip link may show it by another name")
            time.sleep(0.05)
        if up:
            route.link("set", index=route.link_lookup(ifname=device)[0], state="up")


def route_device(host: str, family: int) -> str | None:
    """The device by which packets of this namespace leave for a host, given by name or address of that family; `lo` for
    this host. None if the name is unknown or there is no route."""
    try:
        address, _, *of_ipv6 = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)[0][4]
        scope = int(of_ipv6[1]) if of_ipv6 else 0
        if scope:
            return socket.if_indextoname(scope)
        with open_route() as route:
            return socket.if_indextoname(route.route("get", dst=str(address))[0].get_attr("RTA_OIF"))
    except (OSError, netlink_error()):
        return None


def _ask_device(command: int, device: str, argument: int) -> bytes:
    """The struct ifreq that an ioctl of a device in the caller's namespace returns. OSError.

    Netlink would give the same answers, but its socket and pyroute2 take more time than a short run.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return fcntl.ioctl(any_socket, command, struct.pack("16sP16x", device.encode(), argument))


def read_mtu(device: str) -> int:
    """The MTU in bytes, the size of the largest IP packet, of a device in the caller's namespace."""
    return int(struct.unpack_from("16xi", _ask_device(_SIOCGIFMTU, device, 0))[0])


def has_scatter_gather(device: str) -> bool:
    """Whether a device in the caller's namespace has NETIF_F_SG. Without it the data is copied, whatever notifications
    say."""
    # struct ethtool_gfeatures of one block: command, blocks; available, requested, active, never changed
    features = array.array("I", [_ETHTOOL_GFEATURES, 1, 0, 0, 0, 0])
    _ask_device(_SIOCETHTOOL, device, features.buffer_info()[0])
    return bool(features[4] & _NETIF_F_SG)
