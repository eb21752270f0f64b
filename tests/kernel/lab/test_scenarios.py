# SPDX-License-Identifier: GPL-2.0-only
import errno
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import msgspec
import pytest

from zcprobe.config import Family
from zcprobe.errors import HostError
from zcprobe.format.lab import Lab
from zcprobe.journal import JOURNAL_FOLDER, journal
from zcprobe.lab.impairments.hold import HoldImpairment
from zcprobe.lab.impairments.reorder import ReorderImpairment
from zcprobe.lab.namespace import list_namespaces, run_in_namespace
from zcprobe.lab.open import open_lab
from zcprobe.lab.scenarios import SCENARIOS, Scenario, find_scenario, with_hold

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

SO_SNDBUFFORCE = 32
RUN_ID = f"lab{os.getpid()}"
SO_ZEROCOPY = 60
SO_MEMINFO = 55
MSG_ZEROCOPY = 0x4000000
MSG_ERRQUEUE = 0x2000
LABS = 5
"""Number of tries, of which the least disturbed one counts."""


@contextmanager
def connection(lab: Lab) -> Iterator[socket.socket]:
    """A zerocopy sender of the lab, and a sink thread that reads all it gets."""
    family = socket.AF_INET6 if ":" in lab.sink_address else socket.AF_INET
    address = (lab.sink_address, 5201)
    assert lab.sink_netns_path is not None
    assert lab.sender_netns_path is not None
    sink_name, sender_name = Path(lab.sink_netns_path).name, Path(lab.sender_netns_path).name
    listener = run_in_namespace(sink_name, lambda: socket.create_server(address, family=family))
    client = run_in_namespace(sender_name, lambda: socket.create_connection(address, timeout=20))

    def receive() -> None:
        with listener.accept()[0] as accepted:
            buffer = bytearray(1 << 20)
            while accepted.recv_into(buffer):
                pass

    sink = threading.Thread(target=receive)
    sink.start()
    with listener, client:
        client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if (sndbuf_bytes := find_scenario(lab.scenario).sndbuf_bytes) is not None:
            client.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, sndbuf_bytes)
        client.setblocking(True)
        yield client
        client.shutdown(socket.SHUT_WR)
        sink.join()


def send_until_refused(client: socket.socket, payload: bytes, send_count: int) -> bool:
    """Sends without ever reading the error queue; returns whether a send was refused with ENOBUFS."""
    try:
        for _ in range(send_count):
            client.send(payload, MSG_ZEROCOPY)
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
        return True
    return False


def read_charge_counts(client: socket.socket) -> tuple[int, int]:
    """Charged notifications (optmem over its cost when only one is charged), and those that could be read at once."""
    optmem = struct.unpack("9I", client.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))[6]
    unread = 0
    while True:
        try:
            client.recvmsg(0, 256, MSG_ERRQUEUE)
        except BlockingIOError:
            break
        unread += 1
    return optmem, unread


def read_cost_of_one(client: socket.socket, payload: bytes) -> int:
    """truesize of one notification: what a single send leaves charged."""
    client.send(payload, MSG_ZEROCOPY)
    optmem_bytes, _ = read_charge_counts(client)
    if optmem_bytes == 0:
        return read_cost_of_one(client, payload)
    return optmem_bytes


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_every_lab_opens_carries_traffic_and_is_gone(name: str, family: Family, has_netem: bool) -> None:
    scenario = find_scenario(name)
    lacks_netem = scenario.find(ReorderImpairment) is not None and not has_netem
    refused = pytest.raises(HostError, match="this kernel has no netem qdisc") if lacks_netem else nullcontext()
    with refused, open_lab(scenario, run_id=RUN_ID, family=family) as lab:
        assert lab.scenario == name
        assert lab.sender_netns_path is not None
        assert os.stat(lab.sender_netns_path).st_ino == lab.sender_netns_inode
        assert lab.optmem_max_bytes == scenario.optmem_max_bytes or scenario.optmem_max_bytes is None
        assert ("hold_rate_bps" in lab.impairment) == (scenario.find(HoldImpairment) is not None)
        assert ("reorder_delay_ns" in lab.impairment) == (scenario.find(ReorderImpairment) is not None)
        assert lab.impairment["congestion_control"]
        msgspec.json.encode(lab)
        with connection(lab) as client:
            client.sendall(bytes(100_003))
    assert not [entry for entry in list_namespaces() if RUN_ID in entry]
    assert not (JOURNAL_FOLDER / f"{RUN_ID}.json").exists()


def test_optmem_of_the_caller_replaces_that_of_the_scenario() -> None:
    with open_lab(find_scenario("in-flight"), run_id=RUN_ID, family="ipv4", optmem_max_bytes=65536) as lab:
        assert lab.optmem_max_bytes == 65536


def test_a_journal_of_the_caller_is_used() -> None:
    with journal(RUN_ID) as opened:
        with open_lab(find_scenario("in-order"), run_id=RUN_ID, family="ipv4", run_journal=opened):
            assert not opened.is_settled()
        assert opened.is_settled()


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_in_order_is_never_refused(family: Family) -> None:
    scenario = find_scenario("in-order")
    payload = bytes(scenario.send_bytes)
    with open_lab(scenario, run_id=RUN_ID, family=family) as lab, connection(lab) as client:
        assert not send_until_refused(client, payload, 5003)


def unread_share(scenario: Scenario, family: Family) -> float | None:
    """Of optmem when the first send of a new lab is refused: what charged it and could be read. None: none was."""
    payload = bytes(scenario.send_bytes)
    with open_lab(scenario, run_id=RUN_ID, family=family) as lab, connection(lab) as client:
        one_charge_bytes = read_cost_of_one(client, payload)
        if not send_until_refused(client, payload, scenario.send_count):
            return None
        optmem_bytes, unread_count = read_charge_counts(client)
        return unread_count * one_charge_bytes / optmem_bytes


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize(
    ("name", "smallest_unread_share", "largest_unread_share"),
    [("held-completions", 0.5, 1.0), ("in-flight", 0.0, 0.2), ("held-in-flight", 0.0, 0.2)],
)
def test_what_holds_the_charges_when_a_send_is_refused(
    name: str, smallest_unread_share: float, largest_unread_share: float, family: Family
) -> None:
    scenario = find_scenario(name)
    # a sender slower than 16 times the hold's rate leaves nothing to hold: then the rate is halved
    for rate_bps in (None, 300_000_000, 150_000_000, 75_000_000) if scenario.find(HoldImpairment) else (None,):
        found = [unread_share(with_hold(scenario, None, rate_bps), family) for _ in range(LABS)]
        shares = [share for share in found if share is not None]
        if len(shares) > LABS // 2:
            break
    assert shares
    # if the sink gets no CPU for a moment, unacknowledged data is in flight, in any scenario
    share = max(shares)
    assert smallest_unread_share < share + 1e-9
    assert share <= largest_unread_share + 0.05
