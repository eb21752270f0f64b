# SPDX-License-Identifier: GPL-2.0-only
"""A socket error while its sender waits for notifications: on a datagram socket no POLLHUP accompanies it."""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from zcprobe.channel import ZeroCopyChannel
from zcprobe.journal import journal
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import namespace_pair

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.usefixtures("nothing_left"),
]

PORT_OF_NOBODY = 5201
ICMP_RATE_LIMIT = Path("/proc/sys/net/ipv4/icmp_ratelimit")


def test_a_flush_ends_with_the_error_instead_of_spinning() -> None:
    """The first datagrams are refused by the peer while the last still wait in a slow qdisc, for a second."""
    with journal(f"pending{os.getpid()}") as opened, namespace_pair(opened) as pair:
        slow = f"tc qdisc add dev {pair.sender.device} root tbf rate 400kbit burst 2kb limit 10mb"
        # every datagram is refused, rather than six and then one per second
        run_in_namespace(pair.sink.name, lambda: ICMP_RATE_LIMIT.write_text("0"))
        subprocess.run(["ip", "netns", "exec", pair.sender.name, *slow.split()], check=True)
        with run_in_namespace(pair.sender.name, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            sender.connect((pair.sink.ipv4, PORT_OF_NOBODY))
            with ZeroCopyChannel(sender) as channel:
                for _ in range(53):
                    try:
                        channel.writev(b"x" * 1000)
                    except ConnectionRefusedError:
                        continue  # of a datagram before
                assert channel.in_flight > 30
                start = time.monotonic()
                with pytest.raises(ConnectionRefusedError):
                    channel.flush()
                assert time.monotonic() - start < 0.5
                while channel.in_flight:
                    try:
                        channel.flush()
                    except ConnectionRefusedError:
                        continue
                flushes = channel.records("flushes")
                # two or three waits for each error and each notification
                assert flushes["wait_count"].sum() < 1000
                assert set(flushes["result"]) == {0, -111}
