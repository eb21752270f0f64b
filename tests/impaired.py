# SPDX-License-Identifier: GPL-2.0-only
"""Traffic on a path that is impaired, and what the tools of this host show of it."""

import json
import socket
import struct
import subprocess
import threading
from typing import Any

from zcprobe.config import Family
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import Namespace, NamespacePair

__all__ = ["TRANSFER_BYTES", "qdisc", "transfer"]

TRANSFER_BYTES = 64 * 1024 * 1009


def transfer(pair: NamespacePair, family: Family) -> float:
    """Move TRANSFER_BYTES from sender to sink; the smoothed round trip in seconds (tcpi_rtt) at its end."""
    address_family = socket.AF_INET if family == "ipv4" else socket.AF_INET6
    address = (getattr(pair.sink, family), 5201)
    listener = run_in_namespace(pair.sink.name, lambda: socket.create_server(address, family=address_family))
    client = run_in_namespace(pair.sender.name, lambda: socket.create_connection(address, timeout=20))
    received = 0

    def receive() -> None:
        nonlocal received
        with listener.accept()[0] as accepted:
            while count := len(accepted.recv(1 << 20)):
                received += count

    sink = threading.Thread(target=receive)
    sink.start()
    with listener, client:
        client.sendall(bytes(TRANSFER_BYTES))
        info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        client.shutdown(socket.SHUT_WR)
        sink.join()
    assert received == TRANSFER_BYTES
    return float(struct.unpack_from("I", info, 68)[0]) / 1e6


def qdisc(namespace: Namespace, device: str, kind: str) -> Any:
    command = ["ip", "netns", "exec", namespace.name, "tc", "-s", "-j", "qdisc", "show", "dev", device]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return next((entry for entry in listed if entry["kind"] == kind), None)
