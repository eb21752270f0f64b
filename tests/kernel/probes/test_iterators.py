# SPDX-License-Identifier: GPL-2.0-only
"""Iterators read the sockets of a process as they are, and those of no other process."""

import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from zcprobe.host.limits import read_optmem_max
from zcprobe.host.zerocopy import (
    MSG_ERRQUEUE,
    MSG_ZEROCOPY,
    SK_MEMINFO_OPTMEM,
    SK_MEMINFO_VARS,
    SO_MEMINFO,
    SO_ZEROCOPY,
)
from zcprobe.native.status import require_os
from zcprobe.probes.iterators import SocketIterators, read_iterator
from zcprobe.probes.socket_looks import SocketLook, decode

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

SENDS = 23
SEND_BYTES = 4096
NETNS = os.stat("/proc/self/ns/net").st_ino


@pytest.fixture(scope="module")
def iterators() -> Iterator[SocketIterators]:
    with SocketIterators() as opened:
        yield opened


def look_at(iterators: SocketIterators, pid: int, *, every: bool = True) -> list[SocketLook]:
    pidfd = os.pidfd_open(pid)
    link = iterators.link(pidfd, every=every)
    try:
        looked = decode(read_iterator(link))
        return [*looked.zerocopy, *looked.others]
    finally:
        os.close(link)
        os.close(pidfd)


def look_at_own(iterators: SocketIterators, one: socket.socket, *, every: bool = True) -> SocketLook:
    return next(look for look in look_at(iterators, os.getpid(), every=every) if look.fd == one.fileno())


def connected(family: int, address: str) -> tuple[socket.socket, socket.socket]:
    with socket.create_server((address, 0), family=family) as server:
        client = socket.create_connection(server.getsockname()[:2])
        receiver, _ = server.accept()
    return client, receiver


def send(client: socket.socket, receiver: socket.socket, count: int) -> None:
    """Sends one by one, so that each send has a uarg and a notification of its own."""
    for _ in range(count):
        client.send(bytes(SEND_BYTES), MSG_ZEROCOPY)
        left = SEND_BYTES
        while left:
            left -= len(receiver.recv(left))


def optmem_bytes(one: socket.socket) -> int:
    values = one.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * SK_MEMINFO_VARS)
    return int(struct.unpack(f"={SK_MEMINFO_VARS}I", values)[SK_MEMINFO_OPTMEM])


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_zerocopy_sender_is_read_exactly(iterators: SocketIterators, family: int, address: str) -> None:
    client, receiver = connected(family, address)
    with client, receiver:
        client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        send(client, receiver, SENDS)
        deadline = time.monotonic() + 5
        while (look := look_at_own(iterators, client)).tail_hi != SENDS - 1 and time.monotonic() < deadline:
            time.sleep(0.01)  # the last acknowledgement may come 40 ms late
        assert look.next_send_id == SENDS
        assert (look.has_tail, look.tail_lo, look.tail_hi, look.tail_copied) == (1, 0, SENDS - 1, 1)
        assert look.errqueue_depth == 1
        assert look.optmem_bytes == look.charge_bytes == optmem_bytes(client)
        assert look.optmem_max_bytes in (read_optmem_max(), 0)
        assert look.bytes_sent - look.bytes_repeated == SENDS * SEND_BYTES
        assert look.sndbuf_bytes == client.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        assert look.netns_inode == NETNS
        assert look.inode == os.fstat(client.fileno()).st_ino
        assert (look.protocol_name, look.state_name, look.zerocopy_enabled) == ("tcp", "ESTAB", 1)
        ends = [
            f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
            for host, port, *_ in (client.getsockname(), client.getpeername())
        ]
        assert [look.local_text, look.remote_text] == ends
        assert (look.device_name, look.device_kind_name, look.scatter_gather) == ("lo", "loopback", True)
        client.recvmsg(0, 512, MSG_ERRQUEUE)
        assert look_at_own(iterators, client).errqueue_depth == optmem_bytes(client) == 0


def test_sockets_without_zerocopy_are_left_out_unless_they_are_asked_for(iterators: SocketIterators) -> None:
    client, receiver = connected(socket.AF_INET, "127.0.0.1")
    with client, receiver:
        client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        few, all_of_them = (look_at(iterators, os.getpid(), every=every) for every in (False, True))
        assert client.fileno() in {look.fd for look in few}
        assert receiver.fileno() not in {look.fd for look in few}
        assert {client.fileno(), receiver.fileno()} <= {look.fd for look in all_of_them}


def test_a_socket_that_has_switched_zerocopy_off_again_is_still_told(iterators: SocketIterators) -> None:
    client, receiver = connected(socket.AF_INET, "127.0.0.1")
    with client, receiver:
        client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        send(client, receiver, 1)
        client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 0)
        look = look_at_own(iterators, client, every=False)
        assert (look.zerocopy_enabled, look.next_send_id) == (0, 1)


def test_other_families_are_told_apart(iterators: SocketIterators) -> None:
    first, second = socket.socketpair()
    with first, second, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        assert look_at_own(iterators, first).protocol_name == "unix"
        assert look_at_own(iterators, datagrams).protocol_name == "udp"
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as netlink:
            assert netlink.fileno() not in {look.fd for look in look_at(iterators, os.getpid())}


def test_of_a_socket_without_zerocopy_only_what_it_is_is_told(iterators: SocketIterators) -> None:
    client, receiver = connected(socket.AF_INET, "127.0.0.1")
    with client, receiver:
        client.send(bytes(SEND_BYTES))
        look = look_at_own(iterators, client)
        assert (look.remote_text, look.device_name) == (f"127.0.0.1:{receiver.getsockname()[1]}", "lo")
        assert (look.bytes_sent, look.optmem_max_bytes, look.sndbuf_bytes) == (0, 0, 0)


def test_only_the_process_behind_the_pidfd_is_read(iterators: SocketIterators) -> None:
    code = "import socket, sys; one = socket.socket(); two = socket.socketpair(); print(one.fileno()); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        fd = int(other.stdout.readline())
        looked = look_at(iterators, other.pid)
        assert sorted(look.protocol_name for look in looked) == ["tcp", "unix", "unix"]
        assert fd in {look.fd for look in looked}
        other.communicate()


def test_what_the_user_has_locked_is_read(iterators: SocketIterators) -> None:
    """The receiver's window is small, so the rest of the data waits and its pages stay locked. Those of root are not
    accounted, so the sender is another user."""
    code = (
        "import os, socket; s = socket.socket(); s.setsockopt(1, 8, 4096); s.bind(('127.0.0.1', 0)); s.listen()\n"
        "os.setuid(65534); c = socket.socket(); c.connect(s.getsockname()); c.setsockopt(1, 60, 1)\n"
        "c.send(bytes(65536), 0x4000000); print('sent', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        sender = next(look for look in look_at(iterators, other.pid) if look.next_send_id)
        other.communicate(b"\n")
    # mm_account_pinned_pages(): as many pages as the send has, and two more
    assert sender.user_locked_pages == 65536 // 4096 + 2


def test_a_process_that_has_ended_reads_as_nothing(iterators: SocketIterators) -> None:
    other = subprocess.Popen(["sleep", "60"])
    pidfd = os.pidfd_open(other.pid)
    link = iterators.link(pidfd, every=True)
    other.kill()
    other.wait()
    looked = decode(read_iterator(link))
    assert (looked.zerocopy, looked.others) == ([], [])
    os.close(link)
    os.close(pidfd)


def test_a_link_needs_a_live_process(iterators: SocketIterators) -> None:
    with pytest.raises(OSError, match=r"."):
        require_os(iterators.link(os.open("/dev/null", os.O_RDONLY), every=True))
