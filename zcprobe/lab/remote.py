# SPDX-License-Identifier: GPL-2.0-only
"""A run without a lab: the sink is on another host, and the path to it is not changed."""

import os
import re

from zcprobe.config import DEFAULT_PORT, MAX_PORT
from zcprobe.endpoint import socket_address, socket_family
from zcprobe.errors import UsageError
from zcprobe.format.effects import Effects
from zcprobe.format.kernel import DEFAULT_OPTMEM_BYTES
from zcprobe.format.lab import Lab
from zcprobe.host.limits import read_optmem_max
from zcprobe.lab.device import has_scatter_gather, read_mtu, route_device
from zcprobe.lab.scenarios import Scenario
from zcprobe.units import shown

__all__ = ["REMOTE", "OpenRemote", "open_remote", "parse_target"]

REMOTE = "remote"
"""Takes the place of the scenario's name if there is no scenario."""


def parse_target(text: str) -> tuple[str, int]:
    """Address and port of HOST, HOST:PORT, [IPV6]:PORT or vsock:CID[:PORT]. UsageError."""
    match = re.fullmatch(
        r"(vsock:\d{1,10}|\[[^\[\]]+\]|[^:\s\[\]]+|(?:[0-9a-fA-F]*:){2,}[0-9a-fA-F.]*)(?::(\d{1,9}))?", text
    )
    if match is None:
        raise UsageError(f"{shown(text)} does not name a sink", "give HOST, HOST:PORT, [IPV6]:PORT or vsock:CID:PORT")
    port = int(match.group(2) or DEFAULT_PORT)
    if not 1 <= port <= MAX_PORT:
        raise UsageError(f"{port} is not a valid port", f"choose one from 1 to {MAX_PORT}")
    address = match.group(1).strip("[]")
    socket_address(address, port)
    return address if address.isascii() else address.encode("idna").decode(), port


def _device(address: str) -> str | None:
    """The device by which sends to the target leave; None if it is unknown: vsock has none, and a name may be
    unknown."""
    if address.startswith("vsock:"):
        return None
    return route_device(address, socket_family(address))


def open_remote(target: str) -> Lab:
    """The sender stays in our own network namespace; nothing is changed, so there is nothing to undo."""
    address, port = parse_target(target)
    limit, device = read_optmem_max(), _device(address)
    return Lab(
        scenario=REMOTE,
        sender_netns_path=None,
        sink_netns_path=None,
        sender_netns_inode=os.stat("/proc/self/ns/net").st_ino,
        sender_address="",
        sink_address=address,
        sink_port=port,
        optmem_max_bytes=DEFAULT_OPTMEM_BYTES if limit is None else limit,
        impairment={},
        sender_device=device,
        scatter_gather=None if device is None else has_scatter_gather(device),
        mtu_bytes=None if device is None else read_mtu(device),
    )


class OpenRemote:
    """Takes the place of a lab (`zcprobe.lab.open.OpenLab`) if there is none: it impairs nothing and sees nothing."""

    def __init__(self, target: str) -> None:
        self.lab = open_remote(target)

    def impair(self, scenario: Scenario) -> None:
        """Does nothing, because the path is not ours."""

    def read_effects(self) -> Effects:
        """The effects, which are empty."""
        return Effects()
