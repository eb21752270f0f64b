# SPDX-License-Identifier: GPL-2.0-only
"""What a session tells of its sockets while it watches them, and of a socket that had sent before."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import zcprobe
from tests.repeated import repeated
from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.benchmark.run import record_run
from zcprobe.config import RunConfig
from zcprobe.host.zerocopy import MSG_ERRQUEUE, MSG_ZEROCOPY, SO_ZEROCOPY
from zcprobe.interrupt import Interruption
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import NamespacePair
from zcprobe.probes.measurement import Snapshot, SocketSnapshot, Target
from zcprobe.probes.session import ProbeSession

from .conftest import IN_GUEST, Watch, may_have_missed

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

SO_MEMINFO = 55
MORE_THAN_ONE_CHARGE = 1024
"""A notification is charged with 768 to 960 bytes; all seven, completed in order, have become one."""
GROWING = (
    "sends",
    "appended",
    "merged",
    "read",
    "completions_read",
    "uargs_charged",
    "uargs_extended",
    "optmem_peak_bytes",
    "errqueue_depth_max",
)
COUNT = 1009 if IN_GUEST else 20011


@contextmanager
def snapshots(session: ProbeSession) -> Iterator[list[Snapshot]]:
    """One after the other, by another thread, until the context is left."""
    taken: list[Snapshot] = []

    def take() -> None:
        with suppress(RuntimeError):  # nothing is measured yet
            taken.append(session.snapshot())

    with repeated(take, 0.002):
        yield taken


def of_socket(taken: list[Snapshot], cookie: int) -> list[SocketSnapshot]:
    return [one for snapshot in taken for one in snapshot.sockets if one.counts.cookie == cookie]


def test_counts_grow_to_the_final_ones_while_a_run_goes_on(probes: ProbeSession, tmp_path: Path) -> None:
    config = RunConfig(scenario="held-completions", policy="qemu-merged", send_count=COUNT, deadline_s=60)
    with snapshots(probes) as taken:
        recorded = record_run(benchmark_of(config), tmp_path, probes, Interruption())
    run = zcprobe.load(recorded.folder, allow_incomplete=True)
    if not run.meta.complete:
        assert may_have_missed(probes.mechanism, run.meta.missed_runs or {})
    (cookie,), (result,) = run.meta.cookies, run.meta.sockets or []
    seen = of_socket(taken, cookie)
    between = {one.counts.sends for one in seen if 0 < one.counts.sends < COUNT}
    assert len(between) >= 3
    for before, after in pairwise(seen):
        for name in GROWING:
            assert getattr(before.counts, name) <= getattr(after.counts, name), name
    for name in GROWING:
        assert getattr(seen[-1].counts, name) <= getattr(result, name), name
    assert max(one.errqueue_depth for one in seen) > 0
    assert max(one.errqueue_depth for one in seen) <= result.errqueue_depth_max
    assert 0 < max(one.optmem_bytes for one in seen) <= result.optmem_peak_bytes
    (last,) = of_socket([probes.snapshot()], cookie)
    assert last.counts == result
    assert {str(number): calls for number, calls in probes.snapshot().send_results.items()} == run.meta.send_results


def test_a_session_that_has_measured_nothing_has_no_snapshot() -> None:
    with ProbeSession(level="summary") as session, pytest.raises(RuntimeError, match="no measurement"):
        session.snapshot()


@contextmanager
def sent_before(pair: NamespacePair) -> Iterator[socket.socket]:
    """A socket whose seven sends have completed, and whose notification nobody has read."""
    address = (pair.sink.ipv4, 5201)
    with run_in_namespace(pair.sink.name, lambda: socket.create_server(address)) as listener:
        client = run_in_namespace(pair.sender.name, lambda: socket.create_connection(address, timeout=20))
        with client, listener.accept()[0] as receiver:
            client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
            for _ in range(7):
                client.send(bytes(1000), MSG_ZEROCOPY)
                receiver.recv(1000, socket.MSG_WAITALL)
            deadline = time.monotonic() + 30
            while not 0 < level_of(client) < MORE_THAN_ONE_CHARGE:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield client


def level_of(client: socket.socket) -> int:
    return int(np.frombuffer(client.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36), "<u4")[6])


def test_a_socket_first_seen_when_it_is_read_from(watch: Watch, pair: NamespacePair) -> None:
    with sent_before(pair) as client:
        level = level_of(client)
        assert level > 0
        counts, _ = watch(lambda: client.recvmsg(0, 1000, MSG_ERRQUEUE), level="summary")
        (one,) = counts.sockets.values()
    assert (one.first_send_id, one.first_optmem_bytes) == (7, level)
    assert one.read == 1


def test_a_socket_first_seen_when_it_sends(probes: ProbeSession, watch: Watch, pair: NamespacePair) -> None:
    """By functions when its notification is charged, by tracepoints later in that send."""
    with sent_before(pair) as client:
        level = level_of(client)
        counts, _ = watch(lambda: [client.send(bytes(1000), MSG_ZEROCOPY) for _ in range(5)], level="summary")
        (one,) = counts.sockets.values()
    assert one.first_send_id == (8 if probes.mechanism == "tracepoint" else 7)
    assert level <= (one.first_optmem_bytes or 0) <= level + 2 * one.charge_bytes
    assert one.sends == 12


def test_a_socket_that_closes_is_told_once(probes: ProbeSession, pair: NamespacePair, tmp_path: Path) -> None:
    with probes.measure(Target(pair.sender.inode, level="summary"), tmp_path / "events") as counts:
        with sent_before(pair):
            (opened,) = probes.snapshot().sockets
        (closed,) = probes.snapshot().sockets
    assert (opened.counts.closed, closed.counts.closed) == (False, True)
    assert list(counts.sockets.values()) == [closed.counts]
