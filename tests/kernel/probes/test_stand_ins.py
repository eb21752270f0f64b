# SPDX-License-Identifier: GPL-2.0-only
"""Programs that the kernel skips because an event interrupts them: their stand-ins see the event."""

import errno
import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from zcprobe.host.zerocopy import MSG_ERRQUEUE, MSG_ZEROCOPY, SO_ZEROCOPY
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import NamespacePair
from zcprobe.native import lib
from zcprobe.probes.session import ProbeSession

from .conftest import IN_GUEST, Watch

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("all_cpus", "nothing_left"),
]

PORT = 5201
TRIES = 5
SEND_BYTES = 1024
SECONDS = 20.0 if IN_GUEST else 1.0
SOCK_EXTENDED_ERR = struct.Struct("=IBBBBII")


STEER = 'for file in /sys/class/net/*/queues/rx-*/rps_cpus; do echo 1 > "$file"; done'
"""Lets CPU 0 handle what the devices of a namespace receive. Another CPU that receives it interrupts CPU 0."""


class Reader:
    """Sends without ever waiting, and reads each notification as soon as there is one, all on one CPU."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.sends = 0
        self.refused = 0
        self.completions = 0
        self.ranges: list[tuple[int, int]] = []

    def run(self) -> None:
        thread = threading.Thread(target=self._send_and_read)
        thread.start()
        thread.join()

    def _send_and_read(self) -> None:
        os.sched_setaffinity(0, {0})
        payload, deadline = bytes(SEND_BYTES), time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                self.client.send(payload, MSG_ZEROCOPY | socket.MSG_DONTWAIT)
                self.sends += 1
            except BlockingIOError:
                pass
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.refused += 1
            self.read()
        deadline += 20
        while self.completions < self.sends and time.monotonic() < deadline:
            self.read()

    def read(self) -> None:
        try:
            while True:
                _, ((_, _, data),), _, _ = self.client.recvmsg(0, 128, MSG_ERRQUEUE)
                *_, lo, hi = SOCK_EXTENDED_ERR.unpack_from(data)
                self.ranges.append((lo, hi))
                self.completions += hi - lo + 1
        except BlockingIOError:
            return


@contextmanager
def sink(listener: socket.socket) -> Iterator[None]:
    def receive() -> None:
        os.sched_setaffinity(0, {1})
        accepted, _ = listener.accept()
        buffer = bytearray(1 << 16)
        with accepted:
            while accepted.recv_into(buffer):
                pass

    thread = threading.Thread(target=receive)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@contextmanager
def interrupted_reader(pair: NamespacePair) -> Iterator[Reader]:
    """What the sender's namespace receives interrupts the CPU on which the reader runs."""
    address = (pair.sink.ipv4, PORT)
    subprocess.run(["ip", "netns", "exec", pair.sender.name, "sh", "-c", STEER], check=True)
    with (
        run_in_namespace(pair.sink.name, lambda: socket.create_server(address)) as listener,
        sink(listener),
        run_in_namespace(pair.sender.name, lambda: socket.create_connection(address, timeout=20)) as client,
    ):
        client.settimeout(None)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        yield Reader(client)


def ranges(events: NDArray[np.void], kind: int) -> NDArray[np.int64]:
    """The ranges (first send, last send) of the events of a kind, in the order of the sends."""
    chosen = events[events["kind"] == kind]
    found = np.column_stack([chosen["lo"], chosen["hi"]]).astype("int64")
    return found[np.argsort(found[:, 0])]


def count_holes(read: NDArray[np.int64], merged: NDArray[np.int64]) -> int:
    """Merged pieces that neither the next piece nor the end of their entry of the queue follows on."""
    entry = np.searchsorted(read[:, 0], merged[:, 0], "right") - 1
    is_last = np.append(entry[1:] != entry[:-1], True)
    follows = np.where(is_last, read[entry, 1] + 1, np.append(merged[1:, 0], 0))
    return int((merged[:, 1] + 1 != follows).sum())


def test_interrupted_programs_miss_nothing(probes: ProbeSession, pair: NamespacePair, watch: Watch) -> None:
    if probes.mechanism == "kprobe":
        pytest.skip("the kernel skips every kprobe program while any is running, so stand-ins cannot help")
    if (os.cpu_count() or 1) < 2:  # those of a guest are online only now
        pytest.skip("an interruption needs a second CPU")
    for _ in range(TRIES):
        if interrupted(pair, watch):
            return
    pytest.fail(f"no program was interrupted by itself in {TRIES} runs")


def interrupted(pair: NamespacePair, watch: Watch) -> bool:
    """A run in which all must be counted: whether a program was interrupted by itself, and a stand-in ran."""
    with interrupted_reader(pair) as reader:
        counts, events = watch(reader.run)
    (counted,) = counts.sockets.values()
    read = ranges(events, lib.ZC_EVENT_READ)
    merged = ranges(events, lib.ZC_EVENT_MERGED)
    assert read.tolist() == sorted(map(list, reader.ranges))
    assert counted.read == len(reader.ranges)
    assert counted.completions_read == counted.sends == reader.sends
    assert counts.send_results.get(errno.ENOBUFS, 0) == reader.refused
    assert len(merged) == counted.merged
    assert count_holes(read, merged) == 0
    assert counts.missed_runs == {}
    return sum(counts.taken_over.values()) > 0
