# SPDX-License-Identifier: GPL-2.0-only
"""Each cause of ENOBUFS that can be provoked here is provoked hundreds of times, and named correctly every time."""

import errno
import os
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from cffi import FFI
from numpy.typing import NDArray

from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.benchmark.run import CompletedRun, record_run
from zcprobe.config import RunConfig
from zcprobe.errors import ReconciliationError
from zcprobe.format.causes import name_candidates, split_charges
from zcprobe.host.zerocopy import IP_RECVERR, MSG_ERRQUEUE, MSG_ZEROCOPY, SO_ZEROCOPY
from zcprobe.interrupt import Interruption
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import NamespacePair
from zcprobe.native import lib
from zcprobe.policies import find_policy
from zcprobe.probes.measurement import MeasurementCounts
from zcprobe.probes.session import ProbeSession
from zcprobe.recorder.reconcile import check_complete

from .conftest import IN_GUEST, Watch, may_have_missed

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

WANTED = 101 if IN_GUEST else 500
PORT = 5201
NOBODYS_USER = 54321
UNSEEN = "allocation|fastopen|foreign_uarg"
"""Failures that leave no trace in tracepoints, on TCP."""
SO_SNDBUFFORCE = 32


def enobufs_of(events: NDArray[np.void]) -> NDArray[np.void]:
    return events[events["kind"] == lib.ZC_EVENT_ENOBUFS]


def assert_all_are(cause: str, counts: MeasurementCounts, events: NDArray[np.void], at_least: int = WANTED) -> None:
    """Checks the causes in every event, and in the counts that the kernel kept beside them."""
    found = enobufs_of(events)
    assert {name_candidates(int(bits)) for bits in found["candidates"]} == {cause}
    assert len(found) >= at_least
    assert counts.send_results[errno.ENOBUFS] == len(found)
    counted: dict[str, int] = {}
    for one in counts.sockets.values():
        for name, count in one.enobufs.items():
            counted[name] = counted.get(name, 0) + count
    assert counted == {"ambiguous" if "|" in cause else cause or "other": len(found)}


@contextmanager
def connection(pair: NamespacePair, rcvbuf_bytes: int | None = None) -> Iterator[socket.socket]:
    """A connection from the sender's namespace to a peer that accepts and never reads."""
    address = (pair.sink.ipv4, PORT)
    with run_in_namespace(pair.sink.name, lambda: socket.create_server(address)) as listener:
        if rcvbuf_bytes is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf_bytes)
        client = run_in_namespace(pair.sender.name, lambda: socket.create_connection(address, timeout=20))
        with client, listener.accept()[0]:
            client.settimeout(None)  # with a timeout Python polls and tries again, and each try would count
            client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
            yield client


@contextmanager
def stuck_connection(pair: NamespacePair) -> Iterator[socket.socket]:
    """A connection whose peer's window is full, so that whatever is written stays unsent, with room for much of it."""
    with connection(pair, rcvbuf_bytes=4096) as client:
        client.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 4 << 20)
        client.sendall(bytes(128 << 10))
        yield client


def send_until_refused(
    client: socket.socket,
    payload: bytes,
    refusals: int,
    flags: int = MSG_ZEROCOPY,
    after_refusal: Callable[[], object] = lambda: None,
) -> int:
    """Makes sends without reading notifications; returns the number that were not refused."""
    sent = refused = 0
    while refused < refusals:
        try:
            client.send(payload, flags | socket.MSG_DONTWAIT)
            sent += 1
        except BlockingIOError:
            break
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            refused += 1
            after_refusal()
    assert refused == refusals
    return sent


def in_child(work: Callable[[], None]) -> None:
    """Runs in a process without CAP_IPC_LOCK, as a user who has locked nothing, because the kernel counts locked pages
    per user."""

    def run() -> None:
        os.setuid(NOBODYS_USER)
        work()

    child = get_context("fork").Process(target=run)
    child.start()
    child.join(60)
    assert child.exitcode == 0


QUICK_S, SLOW_S, SLOWEST_S = 2.0, 4.0, 30.0


def slowed(asked: RunConfig, deadline_s: float) -> RunConfig:
    """Numbers for a machine that is too slow for the scenario's own, such as a guest: more time, less optmem to fill,
    and completions that come later than even a slow sender sends. The sink does not read, or clones are held longer,
    and sends never share a notification."""
    asked = msgspec.structs.replace(asked, deadline_s=deadline_s, optmem_max_bytes=20480)
    if asked.scenario == "in-flight":
        return msgspec.structs.replace(asked, scenario="stalled-reader")
    return msgspec.structs.replace(asked, hold_rate_bps=2_000_000, send_bytes=512 * 1024)


def run_into_enobufs(scenario: str, probes: ProbeSession, parent: Path) -> CompletedRun:
    """A sender that retries and never reads."""
    asked = RunConfig(
        scenario=scenario,
        policy="log-retry",
        parameters=find_policy("log-retry").defaults,
        send_count=1_000_000,
        deadline_s=QUICK_S,
    )
    for config in (*([] if IN_GUEST else [asked]), slowed(asked, SLOW_S), slowed(asked, SLOWEST_S)):
        run = record_run(benchmark_of(config), parent, probes, Interruption())
        if run.metadata.sender.enobufs_count >= WANTED:
            break
    return run


@pytest.mark.parametrize(
    ("scenario", "in_flight"), [("in-flight", True), ("held-completions", False)], ids=["in flight", "unread"]
)
def test_optmem_and_who_held_it(scenario: str, in_flight: bool, probes: ProbeSession, tmp_path: Path) -> None:
    """At every single refusal, charges in flight and unread charges add up to the level."""
    run = run_into_enobufs(scenario, probes, tmp_path)
    if not run.metadata.complete:
        # completions may be missed but send calls may not, so everything below must hold, and such a run is refused
        assert may_have_missed(probes.mechanism, run.metadata.missed_runs)
        with pytest.raises(ReconciliationError):
            check_complete(run.metadata, run.folder)
    kernel, sender = run.metadata.kernel, run.metadata.sender
    assert kernel.enobufs_causes == {"optmem": sender.enobufs_count}
    assert sender.enobufs_count >= WANTED
    table = pq.read_table(run.folder / "kernel_events.parquet").to_pandas()
    events = table[table["kind"] == "enobufs"].drop(columns="kind").to_records(index=False)
    flying, unread = split_charges(events, kernel.optmem_baseline_bytes, kernel.charge_bytes)
    assert (flying >= 0).all()
    assert (flying % kernel.charge_bytes == 0).all()
    assert (flying + unread + kernel.optmem_baseline_bytes == events["optmem_bytes"]).all()
    if in_flight or run.metadata.config.deadline_s == QUICK_S:
        # what fills the limit at most refusals is what the scenario is for
        assert ((flying > unread).mean() > 0.5) == in_flight


def test_memlock_for_a_new_uarg(watch: Watch, pair: NamespacePair) -> None:
    with connection(pair) as client:

        def work() -> None:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (256 << 10, 256 << 10))
            # no send of this size shares a uarg with another one
            send_until_refused(client, bytes(300_000), WANTED)

        counts, events = watch(lambda: in_child(work))
    assert_all_are("memlock_new", counts, events)
    found = enobufs_of(events)
    assert set(found["memlock_limit_pages"]) == {64}
    assert (found["memlock_locked_pages"] <= 64).all()
    assert not found[["lo", "hi"]].astype("u4,u4").view("u4").any()  # no range of sends


def test_memlock_for_one_more_send_on_the_newest_uarg(probes: ProbeSession, watch: Watch, pair: NamespacePair) -> None:
    with stuck_connection(pair) as client:

        def work() -> None:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (64 << 10, 64 << 10))
            assert send_until_refused(client, bytes(100), WANTED) == 8  # 2 pages each

        counts, events = watch(lambda: in_child(work))
    # without cap_capable (Linux 6.14) tracepoints cannot distinguish it from other failures that leave no trace
    blind = probes.mechanism == "tracepoint" and "cap_capable" not in probes.attached
    assert_all_are("memlock_extended|" + UNSEEN if blind else "memlock_extended", counts, events)


def test_a_uarg_of_io_uring_on_the_tail(
    probes: ProbeSession, watch: Watch, pair: NamespacePair, tmp_path: Path
) -> None:
    library = tmp_path / "foreign_uarg.so"
    source = Path(__file__).with_name("foreign_uarg.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    ffi = FFI()
    ffi.cdef("int send_by_io_uring(int fd, const void *bytes, uint32_t count);")
    foreign: Any = ffi.dlopen(str(library))
    payload = ffi.new("char[1000]")
    with stuck_connection(pair) as client:
        ring = foreign.send_by_io_uring(client.fileno(), payload, 1000)
        assert ring >= 0, os.strerror(-ring)
        counts, events = watch(lambda: send_until_refused(client, bytes(100), WANTED))
        os.close(ring)
    # tracepoints see that it was none of the others, no more
    by_tracepoint = UNSEEN if "cap_capable" in probes.attached else "memlock_extended|" + UNSEEN
    assert_all_are(by_tracepoint if probes.mechanism == "tracepoint" else "foreign_uarg", counts, events)


@contextmanager
def datagrams(pair: NamespacePair, family: int = socket.AF_INET) -> Iterator[socket.socket]:
    with (
        run_in_namespace(pair.sink.name, lambda: socket.socket(family, socket.SOCK_DGRAM)) as receiver,
        run_in_namespace(pair.sender.name, lambda: socket.socket(family, socket.SOCK_DGRAM)) as client,
    ):
        address = (pair.sink.ipv4 if family == socket.AF_INET else pair.sink.ipv6, PORT)
        receiver.bind(address)
        client.connect(address)
        client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        yield client


def run_in(namespace: str, command: str) -> None:
    subprocess.run(["ip", "netns", "exec", namespace, *command.split()], check=True)


@pytest.mark.parametrize("flags", [MSG_ZEROCOPY, 0], ids=["zerocopy", "plain"])
def test_datagrams_that_the_qdisc_drops(flags: int, watch: Watch, pair: NamespacePair) -> None:
    """The sender gets ENOBUFS if it asks for errors, although with zerocopy the send was accepted."""
    run_in(pair.sender.name, f"tc qdisc add dev {pair.sender.device} root tbf rate 1mbit burst 2kb limit 3kb")
    with datagrams(pair) as client:
        client.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        sent = 0

        def work() -> None:
            nonlocal sent
            # if unread, notifications of dropped datagrams would fill optmem beside those that wait in the qdisc
            sent = send_until_refused(client, bytes(1000), WANTED, flags, lambda: read_codes(client))

        counts, events = watch(work)
        assert_all_are("qdisc", counts, events)
        (socket_counts,) = counts.sockets.values()
        assert socket_counts.sends == (sent + WANTED if flags else 0)


def test_datagrams_and_optmem(watch: Watch, pair: NamespacePair) -> None:
    """A shaped link keeps the sends in flight."""
    run_in(pair.sender.name, f"tc qdisc add dev {pair.sender.device} root tbf rate 1mbit burst 2kb limit 10mb")
    with datagrams(pair) as client:
        client.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 64 << 20)
        counts, events = watch(lambda: send_until_refused(client, bytes(1000), WANTED))
    assert_all_are("optmem", counts, events)


def test_what_a_thread_showed_on_another_socket_is_no_evidence(watch: Watch, pair: NamespacePair) -> None:
    """Each send on a socket of another namespace is refused CAP_IPC_LOCK, as a send is that RLIMIT_MEMLOCK refuses."""
    run_in(pair.sender.name, f"tc qdisc add dev {pair.sender.device} root tbf rate 1mbit burst 2kb limit 10mb")
    reversed_pair = NamespacePair(sender=pair.sink, sink=pair.sender)
    with datagrams(pair) as client, datagrams(reversed_pair) as foreign:
        client.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 64 << 20)

        def send_elsewhere() -> None:
            foreign.send(bytes(1000), MSG_ZEROCOPY)
            read_codes(foreign)

        def work() -> None:
            send_until_refused(client, bytes(1000), WANTED, after_refusal=send_elsewhere)

        counts, events = watch(lambda: in_child(work))
    assert_all_are("optmem", counts, events)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_a_further_fragment_of_a_corked_datagram(
    family: int, probes: ProbeSession, watch: Watch, pair: NamespacePair
) -> None:
    """Its first fragment waits for room in the send buffer; a further one is refused beyond twice that room."""
    with datagrams(pair, family) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

        def work() -> None:
            # a refusal discards the whole datagram, so each one starts again
            send_until_refused(client, bytes(1400), WANTED, MSG_ZEROCOPY | socket.MSG_MORE, lambda: read_codes(client))

        counts, events = watch(work)
    # tracepoints see that it was none of the others, no more
    by_tracepoint = "allocation|foreign_uarg|corked"
    if "cap_capable" not in probes.attached:
        by_tracepoint = "memlock_extended|" + by_tracepoint
    assert_all_are(by_tracepoint if probes.mechanism == "tracepoint" else "corked", counts, events)


def read_codes(client: socket.socket) -> list[tuple[int, int, int]]:
    """(lo, hi, code) of every notification there is."""
    found: list[tuple[int, int, int]] = []
    while True:
        try:
            _, ancillary, _, _ = client.recvmsg(0, 512, MSG_ERRQUEUE)
        except BlockingIOError:
            return found
        number, _, _, code, _, lo, hi = np.frombuffer(ancillary[0][2][:16], "<u4,u1,u1,u1,u1,u4,u4")[0]
        assert number == 0
        found.append((int(lo), int(hi), int(code)))


def test_datagrams_of_an_ipv6_socket_to_an_ipv4_address_are_counted_once(watch: Watch, pair: NamespacePair) -> None:
    """In this case the function for IPv6 calls the one for IPv4."""
    with run_in_namespace(pair.sender.name, lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as client:
        client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        address = (f"::ffff:{pair.sink.ipv4}", PORT)

        def work() -> None:
            for _ in range(23):
                client.sendto(bytes(1000), MSG_ZEROCOPY, address)

        counts, _ = watch(work)
        assert counts.send_results == {0: 23}
        assert [one.sends for one in counts.sockets.values()] == [23]


def test_one_code_for_many_datagrams_of_which_some_were_copied(watch: Watch, pair: NamespacePair) -> None:
    """Datagrams dropped before delivery are not copied; a merged notification has only the code of its first
    completion."""
    # where the first byte of the payload is odd, into a device that is down
    run_in(pair.sender.name, "ip link add ifb9 type ifb")
    run_in(pair.sender.name, f"tc qdisc add dev {pair.sender.device} clsact")
    redirect = "u32 match u8 0x01 0x01 at 28 action mirred egress redirect dev ifb9"
    run_in(pair.sender.name, f"tc filter add dev {pair.sender.device} egress protocol ip {redirect}")
    told: list[tuple[int, int, int]] = []
    with datagrams(pair) as client:

        def work() -> None:
            for number in range(200):
                client.send(bytes([number % 256]) + bytes(999), MSG_ZEROCOPY)
            told.extend(read_codes(client))

        counts, _ = watch(work)
        (one,) = counts.sockets.values()
    assert sum(hi - lo + 1 for lo, hi, _ in told) == one.completions_read == 200
    assert one.completions_copied == 100
    assert one.copies_unsure == 0
    assert len(told) < 200
    assert sum(hi - lo + 1 for lo, hi, code in told if code) != 100


def test_only_what_one_process_sends_on_is_counted(watch: Watch, pair: NamespacePair) -> None:
    with connection(pair) as client:
        counts, events = watch(lambda: client.send(bytes(1000), MSG_ZEROCOPY), tgid=os.getpid() + 1)
        assert (len(events), counts.sockets, counts.send_results) == (0, {}, {})
        counts, _ = watch(lambda: client.send(bytes(1000), MSG_ZEROCOPY), tgid=os.getpid())
        assert counts.send_results == {0: 1}
        assert [one.sends for one in counts.sockets.values()] == [2]


def test_levels_tell_more_and_more(watch: Watch, pair: NamespacePair) -> None:
    with connection(pair) as client:

        def work() -> None:
            for _ in range(23):
                client.send(bytes(1000), MSG_ZEROCOPY)

        kinds = {}
        for level in ("summary", "timeline", "full"):
            counts, events = watch(work, level=level)
            kinds[level] = {int(kind) for kind in events["kind"]}
            assert counts.send_results == {0: 23}
        assert kinds["summary"] == set()
        assert lib.ZC_EVENT_SENT in kinds["full"] - kinds["timeline"]
        sent = events[events["kind"] == lib.ZC_EVENT_SENT]
        assert sent["send_result"].tolist() == [1000] * 23
        assert not sent["hi"].any()
