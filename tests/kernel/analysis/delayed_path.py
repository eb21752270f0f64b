# SPDX-License-Identifier: GPL-2.0-only
"""A path on which acknowledgements take as long as a test says, on kernels without netem.

Data crosses a veth pair. Acknowledgements take another way: through a TUN device in the sink's namespace, a process
that waits, and a TUN device in the sender's.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from zcprobe.host.zerocopy import SO_MEMINFO, SO_ZEROCOPY
from zcprobe.lab.limits import OPTMEM_MAX_PATH
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import NamespacePair

__all__ = ["TUN", "DelayedPath", "delayed_path", "levels"]

TUN = Path("/dev/net/tun")

_RELAY = Path(__file__).with_name("ack_relay.py")
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_DEVICE = "acks0"
_PORT = 5201
_WINDOW_BYTES = 64 << 20
_WARM_UP_BYTES = 16 << 20

_OF_SINK = f"""
ip link set {_DEVICE} up
ip route add {{sender}}/32 dev {_DEVICE}
sysctl -qw net.ipv4.tcp_rmem='4096 {_WINDOW_BYTES} {_WINDOW_BYTES}'
"""

_OF_SENDER = f"""
ip link set {_DEVICE} up
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.{_DEVICE}.rp_filter=0 net.ipv4.tcp_congestion_control=reno
ip route change 10.0.0.0/24 dev {{device}} initcwnd 50000
"""
"""A congestion window that is wide from the start: only the sender's pace or its send buffer limits it. Then no send
waits unsent behind the window, where it would share a notification with others."""


class DelayedPath(msgspec.Struct, frozen=True):
    pair: NamespacePair
    control: socket.socket

    def delay(self, seconds: float) -> None:
        self.control.send(str(seconds).encode())
        assert self.control.recv(1)

    def limit(self, optmem_max_bytes: int) -> None:
        run_in_namespace(self.pair.sender.name, lambda: OPTMEM_MAX_PATH.write_text(str(optmem_max_bytes)))

    @contextmanager
    def connection(self, sndbuf_bytes: int) -> Iterator[socket.socket]:
        """A sender's socket with that sk_sndbuf. Some data has opened the receive window, and all is acknowledged."""
        sender = run_in_namespace(self.pair.sender.name, socket.socket)
        with sender:
            sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sender.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sndbuf_bytes // 2)
            self.delay(0)
            sender.connect((self.pair.sink.ipv4, _PORT))
            sender.sendall(bytes(_WARM_UP_BYTES))
            while levels(sender).queued_bytes:
                time.sleep(0.001)
            yield sender
            self.delay(0)


class Levels(msgspec.Struct, frozen=True):
    """Of SO_MEMINFO: sk_omem_alloc and sk_wmem_queued."""

    optmem_bytes: int
    queued_bytes: int


def levels(connection: socket.socket) -> Levels:
    values = struct.unpack("=9I", connection.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))
    return Levels(values[6], values[5])


def _open_tun(commands: str) -> int:
    fd = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
    subprocess.run(["sh", "-ec", commands], check=True)
    return fd


def _discard(listener: socket.socket) -> None:
    """Reads from every connection until its end."""

    def read(connection: socket.socket) -> None:
        buffer = bytearray(1 << 20)
        with connection, suppress(OSError):
            while connection.recv_into(buffer):
                pass

    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=read, args=(connection,), daemon=True).start()


@contextmanager
def delayed_path(pair: NamespacePair) -> Iterator[DelayedPath]:
    ends = (
        run_in_namespace(pair.sink.name, lambda: _open_tun(_OF_SINK.format(sender=pair.sender.ipv4))),
        run_in_namespace(pair.sender.name, lambda: _open_tun(_OF_SENDER.format(device=pair.sender.device))),
    )
    control, other = socket.socketpair()
    listener = run_in_namespace(pair.sink.name, lambda: socket.create_server((pair.sink.ipv4, _PORT)))
    reader = threading.Thread(target=_discard, args=(listener,))
    words = [sys.executable, str(_RELAY), *map(str, (*ends, other.fileno()))]
    relay = subprocess.Popen(words, pass_fds=(*ends, other.fileno()))
    try:
        other.close()
        reader.start()
        yield DelayedPath(pair, control)
    finally:
        control.close()
        assert relay.wait(10) == 0
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        listener.close()
        reader.join()
        for fd in ends:
            os.close(fd)
