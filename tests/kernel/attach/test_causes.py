# SPDX-License-Identifier: GPL-2.0-only
"""The detail `causes`: what the probes count for a process that they watch from outside equals its own counts."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.probes.conftest import AVAILABLE
from tests.sending import send, sender_in_lab
from zcprobe.attach import causes
from zcprobe.attach.attachment import Attachment, ToldRefusals
from zcprobe.attach.event_file import EVENT_BYTES, EventFile
from zcprobe.attach.refusals import Refusal
from zcprobe.attach.selection import Selection
from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.config import ProbeMechanism, RunConfig
from zcprobe.format.attachment import SocketSummary, ThreadSummary
from zcprobe.interrupt import Interruption
from zcprobe.policies import POLICIES
from zcprobe.probes.measurement import SocketSnapshot, Target
from zcprobe.probes.session import ProbeSession

from .conftest import WITHOUT_MEMLOCK, Start

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

SENDS = 503


@pytest.fixture(scope="module")
def session() -> Iterator[ProbeSession]:
    with ProbeSession(level="summary", watch=True) as opened:
        yield opened


def run_watched(config: RunConfig, session: ProbeSession) -> tuple[dict[str, int], list[SocketSnapshot]]:
    """What a sender counted in its process, and what was seen of the sockets of that process."""
    with sender_in_lab(config) as (_, sender):
        target = Target(level="summary", processes=[sender.process.pid])
        with session.measure(target, Path(os.devnull)) as counts:
            channel = send(sender, config)
    assert counts.missed_runs == {}
    return channel.result, session.snapshot().sockets


@pytest.mark.parametrize("policy", POLICIES)
def test_counts_equal_those_of_a_sender_of_each_policy(policy: str, session: ProbeSession) -> None:
    asked = RunConfig(
        scenario="held-completions",
        policy=policy,
        parameters=POLICIES[policy].defaults,
        send_count=SENDS,
        deadline_s=10.0,
    )
    own, (seen,) = run_watched(benchmark_of(asked).config, session)
    counts, usage = seen.counts, seen.usage
    assert usage is not None
    found = {
        "send_count": usage.sends,
        "plain_count": usage.plain_sends,
        "bytes_sent": usage.bytes_sent,
        "enobufs_count": sum(counts.enobufs.values()),
        "notification_count": counts.read,
        "completion_count": counts.completions_read,
    }
    assert found == {name: own[name] for name in found}
    assert set(counts.enobufs) <= {"optmem"}
    if counts.completions_read == counts.sends:  # a veth pair copies all
        assert abs(counts.completions_copied - counts.completions_read) <= counts.copies_unsure
    assert sum(reader.notifications for reader in usage.readers) == own["notification_count"]
    (sender,) = usage.senders
    assert (sender.sends, sender.enobufs) == (own["send_count"], own["enobufs_count"])


@pytest.mark.parametrize("mechanism", AVAILABLE)
def test_each_mechanism_counts_the_calls_of_a_watched_process(mechanism: ProbeMechanism, start: Start) -> None:
    puppet, stranger = start(), start()
    for one in (puppet, stranger):
        one.do("open", "a")
    with ProbeSession(mechanism, level="summary", watch=True) as session:
        with session.measure(Target(level="summary", processes=[puppet.pid]), Path(os.devnull)):
            taken = puppet.send("a", SENDS)
            read = int(puppet.do("drain", "a"))
            stranger.send("a", SENDS)
        (seen,) = session.snapshot().sockets
    assert session.mechanism == mechanism
    assert seen.usage is not None
    assert (seen.usage.sends, sum(seen.counts.enobufs.values())) == (taken, SENDS - taken)
    assert seen.counts.completions_read == read > 0


def test_sockets_that_get_the_address_of_a_closed_one_are_told_apart(start: Start, session: ProbeSession) -> None:
    puppet = start()
    sent = []
    with session.measure(Target(level="summary", processes=[puppet.pid]), Path(os.devnull)):
        for count in range(1, 41):
            puppet.do("open", "a")
            sent.append(puppet.send("a", count))
            puppet.do("close", "a")
    usages = [one.usage for one in session.snapshot().sockets if one.usage is not None]
    assert sorted(usage.sends for usage in usages) == sorted(sent)
    assert len({usage.address for usage in usages}) < len(usages)  # otherwise nothing was tried


def test_another_process_s_socket_at_the_address_of_a_closed_one_changes_nothing(
    start: Start, session: ProbeSession
) -> None:
    """Nothing is sent on it, so nobody notices it before it is closed as well."""
    puppet = start()
    with session.measure(Target(level="summary", processes=[puppet.pid]), Path(os.devnull)):
        puppet.do("open", "a")
        sent = puppet.send("a", 40)
        puppet.do("close", "a")
        others = [socket.socket() for _ in range(900)]  # the kernel hands out addresses again
        for other in others:
            other.close()
        usages = [one.usage for one in session.snapshot().sockets if one.usage is not None]
    assert [(usage.sends, usage.next_send_id) for usage in usages] == [(sent, sent)]


def test_children_are_watched_from_their_first_call(start: Start, session: ProbeSession) -> None:
    puppet, stranger = start(), start()
    for one in (puppet, stranger):
        one.do("open", "a")
    parent = Target(level="summary", processes=[os.getpid()], follow=True)
    with session.measure(parent, Path(os.devnull)):
        child = start()
        child.do("open", "a")
        taken = child.send("a", 50)
        puppet.send("a", 50)  # it was started before
    (seen,) = session.snapshot().sockets
    assert seen.usage is not None
    assert (seen.usage.sends, [sender.tgid for sender in seen.usage.senders]) == (taken, [child.pid])


@pytest.mark.parametrize("before", [(), ("strace", "-D", "-qq", "-o", "/dev/null")], ids=["alone", "traced"])
@pytest.mark.parametrize(
    ("how", "waits"),
    [("nothing", 0), ("poll", 1), ("select", 1), ("epoll", 1), ("poll-another", 0), ("sleep", 0)],
)
def test_a_flush_waits_only_in_a_call_that_waits_for_the_socket(
    how: str, waits: int, before: tuple[str, ...], start: Start, session: ProbeSession
) -> None:
    assert session.lack_of_calls is None
    puppet = start(*WITHOUT_MEMLOCK, *before)
    puppet.do("open", "a")
    with session.measure(Target(level="summary", processes=[puppet.pid]), Path(os.devnull)):
        assert puppet.do("retry", "a", how) == "2"
    (seen,) = session.snapshot().sockets
    assert seen.usage is not None
    assert (seen.usage.flushes, seen.usage.flushes_waited, seen.usage.flushes_in_vain) == (1, waits, 1 - waits)


def test_an_attachment_tells_who_sends_and_who_reads(start: Start) -> None:
    watched, stranger = start(), start()
    for puppet in (watched, stranger):
        puppet.do("open", "a")
    interruption = Interruption()
    with Attachment(Selection(pids=(watched.pid,)), [], detail="causes") as attachment:
        rounds: list[int] = []

        def send(*_: object) -> None:
            rounds.append(watched.send("a", 100))
            stranger.send("a", 100)

        attachment.run(interruption, send, 0.2, 3)
        summary = attachment.summary(lambda _: [])
    (one,) = [socket for socket in summary.sockets if socket.sends]
    assert isinstance(one, SocketSummary)
    assert summary.detail == "causes"
    # what is sent at the end of the last interval is sent before the probes end
    assert (one.sends, one.enobufs) == (sum(rounds[:3]), 300 - sum(rounds[:3]))
    assert ThreadSummary(tid=watched.pid, comm=summary.threads[0].comm, sends=one.sends, enobufs=one.enobufs) in (
        summary.threads
    )


def test_a_process_that_joins_within_an_interval_is_counted_from_then_on(start: Start, tmp_path: Path) -> None:
    first, second = start(), start()
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    first.do("exec", tmp_path / "first" / "zc-joins")
    taken: list[int] = []
    with Attachment(Selection(comm="zc-joins"), [], detail="causes") as attachment:

        def join() -> None:
            second.do("exec", tmp_path / "second" / "zc-joins")
            while second.pid not in {process.pid for process in attachment.sampler.processes}:
                time.sleep(0.01)
            time.sleep(0.3)
            second.do("open", "a")
            taken.append(second.send("a", 50))

        joins = threading.Timer(0.2, join)
        joins.start()
        attachment.run(Interruption(), lambda *_: None, 3, 1)
        joins.join()
        (one,) = [socket for socket in attachment.summary(lambda _: []).sockets if socket.sends]
    assert (one.pid, one.sends, one.enobufs) == (second.pid, taken[0], 50 - taken[0])


def test_what_threads_that_were_not_chosen_did_is_unknown(start: Start) -> None:
    puppet = start()
    puppet.do("open", "a")
    idle = max(int(tid) for tid in os.listdir(f"/proc/{puppet.pid}/task"))  # it receives
    taken: list[int] = []
    with Attachment(Selection(tids=(idle,)), [], detail="causes") as attachment:
        attachment.run(Interruption(), lambda *_: taken.append(puppet.send("a", 50)), 0.2, 2)
        (one,) = [socket for socket in attachment.summary(lambda _: []).sockets if socket.sends]
    assert (one.sends, one.enobufs, one.plain_sends) == (taken[0], None, None)


def test_each_refused_call_is_told_with_its_thread_socket_and_cause(start: Start) -> None:
    watched = start(*WITHOUT_MEMLOCK)
    watched.do("open", "a")
    told: list[tuple[list[Refusal], int]] = []
    taken: list[int] = []
    with Attachment(Selection(pids=(watched.pid,)), [], detail="causes") as attachment:

        def send(*_: object) -> None:
            taken.append(watched.send("a", 7, 1 << 20))

        listener = ToldRefusals(5, lambda refusals, count: told.append((refusals, count)))
        attachment.run(Interruption(), send, 0.2, 2, listener)
        summary = attachment.summary(lambda _: [])
    (one,) = [socket for socket in summary.sockets if socket.enobufs]
    assert one.enobufs == sum(count for _, count in told) == 14 - sum(taken[:2]) > 5
    assert [len(refusals) for refusals, _ in told] == [min(5, count) for _, count in told]
    (comm,) = [thread.comm for thread in summary.threads if thread.tid == watched.pid]
    for refusal in (refusal for refusals, _ in told for refusal in refusals):
        assert (refusal.pid, refusal.tid, refusal.comm) == (watched.pid, watched.pid, comm)
        assert (refusal.socket, refusal.fd, refusal.local, refusal.remote) == (0, one.fd, one.local, one.remote)
        assert refusal.cause in (one.enobufs_causes or {})
        assert refusal.optmem_max_bytes == one.optmem_max_bytes


def test_refused_calls_that_find_no_room_are_counted_and_said(start: Start) -> None:
    watched = start(*WITHOUT_MEMLOCK)
    watched.do("open", "a")
    room, told = 4, []
    with Attachment(Selection(pids=(watched.pid,)), [], detail="causes") as attachment:
        assert attachment.causes is not None
        attachment.causes.keep_events(EventFile(limit_bytes=room * EVENT_BYTES))
        listener = ToldRefusals(None, lambda refusals, count: told.append(count))

        def send(*_: object) -> None:
            watched.send("a", 23, 1 << 20)

        attachment.run(Interruption(), send, 0.3, 3, listener)
        (one,) = [socket for socket in attachment.summary(lambda _: []).sockets if socket.enobufs]
        untold = attachment.causes.events_beyond
        assert attachment.causes.notes == [
            f"{untold} refused calls are counted but not told, because they came faster than they were read"
        ]
    assert room < sum(told) == (one.enobufs or 0) - untold  # what was read has made room for more
    assert untold > 0


def test_a_socket_that_no_look_met_has_its_ends(start: Start) -> None:
    puppet = start()
    puppet.do("open", "a")
    ends: list[str] = []
    with Attachment(Selection(pids=(puppet.pid,)), [], detail="causes") as attachment:

        def send(*_: object) -> None:
            if ends:
                return
            puppet.do("open", "b")
            puppet.send("b", 7)
            ends.extend(puppet.do("ends", "b").split())
            puppet.do("close", "b")

        attachment.run(Interruption(), send, 0.2, 3)
        (one,) = [socket for socket in attachment.summary(lambda _: []).sockets if socket.sends]
    assert (one.number, one.fd, one.pid, one.sends) == (None, None, puppet.pid, 7)
    assert [one.local, one.remote] == ends


def test_of_very_many_sockets_that_no_look_met_the_last_are_listed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causes, "MOST_UNMET", 2)
    puppet = start()
    puppet.do("open", "a")
    with Attachment(Selection(pids=(puppet.pid,)), [], detail="causes") as attachment:

        def send(*_: object) -> None:
            for count in range(1, 6):
                puppet.do("open", "b")
                puppet.send("b", count)
                puppet.do("close", "b")

        attachment.run(Interruption(), send, 0.2, 1)
        listed = [socket for socket in attachment.summary(lambda _: []).sockets if socket.sends]
        assert attachment.causes is not None
        assert attachment.causes.notes == ["at least 3 sockets that were open between two looks only are not listed"]
    assert len(listed) == 2
