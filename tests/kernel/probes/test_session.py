# SPDX-License-Identifier: GPL-2.0-only
"""The probes on live sockets: their filter ignores traffic that does not belong to the run."""

import errno
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import zcprobe
from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.benchmark.run import record_run
from zcprobe.config import RunConfig
from zcprobe.host.zerocopy import MSG_ERRQUEUE, MSG_ZEROCOPY, SO_ZEROCOPY
from zcprobe.interrupt import Interruption
from zcprobe.journal import journal
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import namespace_pair
from zcprobe.probes.session import ProbeSession

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

MAX_FOREIGN_SENDS = 200_000
SEND_BYTES = 4096


class Hammer:
    """A zerocopy sender that never waits and occasionally reads its notifications; it is expected to meet ENOBUFS."""

    def __init__(self) -> None:
        self.sends = 0
        self.refusals = 0
        self._stop = threading.Event()
        server = socket.create_server(("127.0.0.1", 0))
        self._client = socket.create_connection(server.getsockname())
        self._receiver, _ = server.accept()
        server.close()
        self._client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        self._threads = [threading.Thread(target=work) for work in (self._send, self._receive)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._client.shutdown(socket.SHUT_WR)
        for thread in self._threads:
            thread.join()
        self._client.close()
        self._receiver.close()

    def _send(self) -> None:
        payload = bytes(SEND_BYTES)
        while not self._stop.is_set() and self.sends < MAX_FOREIGN_SENDS:
            try:
                self._client.send(payload, MSG_ZEROCOPY)
                self.sends += 1
            except BrokenPipeError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.refusals += 1
                self._read_notifications()
            if self.sends % 500 == 0:
                self._read_notifications()

    def _read_notifications(self) -> None:
        while True:
            try:
                self._client.recvmsg(0, 256, MSG_ERRQUEUE)
            except BlockingIOError:
                return

    def _receive(self) -> None:
        buffer = bytearray(1 << 18)
        while self._receiver.recv_into(buffer):
            pass


@contextmanager
def foreign_traffic(namespace: str | None) -> Iterator[Hammer]:
    hammer = Hammer() if namespace is None else run_in_namespace(namespace, Hammer)
    hammer.start()
    try:
        yield hammer
    finally:
        hammer.stop()


@pytest.mark.parametrize("own_namespace", [False, True], ids=["host loopback", "another namespace"])
def test_foreign_sockets_are_neither_recorded_nor_counted(
    own_namespace: bool, probes: ProbeSession, tmp_path: Path
) -> None:
    benchmark = benchmark_of(RunConfig(scenario="held-completions", policy="qemu-merged", send_count=2003))
    with (
        journal(f"foreign{os.getpid()}") as entry,
        namespace_pair(entry) as pair,
        foreign_traffic(pair.sender.name if own_namespace else None) as hammer,
    ):
        run = zcprobe.load(record_run(benchmark, tmp_path, probes, Interruption()).folder)
    assert hammer.sends > 1000
    assert run.meta.complete
    assert run.kernel.lost_events == 0
    assert run.sender.completions == run.sender.sends == 2003
    cookies = set(run.kernel_events["cookie"])
    assert len(cookies) == 1
    assert 0 not in cookies
    assert run.meta.send_results["0"] == 2003
    assert run.meta.send_results.get("105", 0) == run.sender.enobufs_count


def test_one_session_measures_one_run_after_another(probes: ProbeSession, tmp_path: Path) -> None:
    """Counters of a session continue; those of a run begin at zero."""
    cookies = set()
    for count in (23, 1009):
        benchmark = benchmark_of(RunConfig(scenario="in-order", send_count=count))
        run = zcprobe.load(record_run(benchmark, tmp_path, probes, Interruption()).folder)
        assert run.meta.send_results == {"0": count}
        assert len(set(run.kernel_events["cookie"])) == 1
        cookies |= set(run.kernel_events["cookie"])
    assert len(cookies) == 2


def test_stacks_name_who_held_a_completion_back(probes: ProbeSession, tmp_path: Path) -> None:
    """The IFB device that holds the clones is in the stacks of the completions it held, and only there."""
    # so slow a bucket holds clones of a slow sender's too, such as one in an emulated machine
    held = benchmark_of(
        RunConfig(scenario="held-completions", policy="qemu-merged", send_count=2003, hold_rate_bps=20_000_000)
    )
    free = benchmark_of(RunConfig(scenario="in-order", send_count=2003))
    holders = []
    for benchmark in (held, free):
        run = zcprobe.load(record_run(benchmark, tmp_path, probes, Interruption()).folder)
        appended = run.kernel_events[run.kernel_events["kind"] == "appended"]
        frames = [frame for stack in set(appended["stack_id"]) & set(run.stacks) for frame in run.stacks[stack]]
        holders.append({frame.partition("+")[0] for frame in frames})
    assert "ifb_xmit" in holders[0]
    assert "ifb_xmit" not in holders[1]
    assert "tcp_ack" in holders[1]
