# SPDX-License-Identifier: GPL-2.0-only
"""Looks at live processes: their sends are counted exactly, whatever the processes do meanwhile."""

import os
import time
from collections.abc import Callable

import pytest

from tests.kernel.attach.conftest import Start
from zcprobe.attach.sampler import Sampler
from zcprobe.attach.summary import socket_summaries

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

Make = Callable[..., Sampler]
PRIME = 1009


def sends_by_fd(sampler: Sampler) -> dict[int, int]:
    return {one.look.fd: one.sends for one in sampler.sockets.values()}


def handed_over(sampler: Sampler) -> int:
    """Bytes that the only socket ever handed to the network, without repetitions."""
    (one,) = sampler.sockets.values()
    return one.look.bytes_sent - one.look.bytes_repeated


def test_sends_are_counted_from_when_the_socket_is_watched(start: Start, sampler: Make) -> None:
    puppet = start()
    fd = int(puppet.do("open", "a"))
    before = puppet.send("a", 101)
    deadline = time.monotonic() + 5
    watched = sampler(pids=(puppet.pid,))
    while handed_over(watched) < before * 4096:
        assert time.monotonic() < deadline
        watched = sampler(pids=(puppet.pid,))  # what the kernel took may wait for room at the receiver
    taken = puppet.send("a", PRIME)
    watched.look()
    assert sends_by_fd(watched) == {fd: taken}
    while handed_over(watched) < (before + taken) * 4096:
        assert time.monotonic() < deadline
        watched.look()
    sample = watched.end_interval()[0]
    assert (sample.sends, sample.bytes_sent) == (taken, taken * 4096)
    more = puppet.send("a", 23)
    watched.look()
    assert watched.end_interval()[0].sends == more
    assert sends_by_fd(watched) == {fd: taken + more}


def test_a_socket_that_is_opened_while_watched_is_counted_from_its_beginning(start: Start, sampler: Make) -> None:
    puppet = start()
    watched = sampler(pids=(puppet.pid,))
    fd = int(puppet.do("open", "a"))
    taken = puppet.send("a", 101)
    watched.look()
    assert sends_by_fd(watched) == {fd: taken}


def test_refused_sends_do_not_count(start: Start, sampler: Make) -> None:
    """The puppet reads notifications only after a refusal, and its namespace has room for very few."""
    set_limit = 'ip link set lo up; echo 2000 >/proc/sys/net/core/optmem_max; exec "$@"'
    puppet = start("unshare", "--net", "sh", "-c", set_limit, "sh")
    fd = int(puppet.do("open", "a"))
    watched = sampler(pids=(puppet.pid,))
    taken, refused = map(int, puppet.do("send", "a", 10007, 4096).split())
    watched.look()
    assert refused
    assert taken + refused == 10007
    assert sends_by_fd(watched) == {fd: taken}


def test_of_two_senders_only_the_chosen_one_is_watched(start: Start, sampler: Make) -> None:
    chosen, other = start(), start()
    fd = int(chosen.do("open", "a"))
    other.do("open", "a")
    watched = sampler(pids=(chosen.pid,))
    taken = chosen.send("a", 101)
    other.send("a", 211)
    watched.look()
    assert sends_by_fd(watched) == {fd: taken}
    assert {one.pid for one in watched.sockets.values()} == {chosen.pid}


def test_both_are_watched_when_both_are_named(start: Start, sampler: Make) -> None:
    puppets = [start(), start()]
    for puppet in puppets:
        puppet.do("open", "a")
    watched = sampler(pids=tuple(puppet.pid for puppet in puppets))
    taken = {puppet.pid: puppet.send("a", count) for puppet, count in zip(puppets, (101, 211), strict=True)}
    watched.look()
    assert {one.pid: one.sends for one in watched.sockets.values()} == taken


def test_a_closed_socket_keeps_its_counts_and_its_descriptor_may_be_used_again(start: Start, sampler: Make) -> None:
    puppet = start()
    first = int(puppet.do("open", "a"))
    watched = sampler(pids=(puppet.pid,))
    taken = puppet.send("a", 101)
    watched.look()
    puppet.do("close", "a")
    second = int(puppet.do("open", "b"))
    more = puppet.send("b", 211)
    watched.look()
    assert first == second
    assert [(one.look.fd, one.sends) for one in watched.closed] == [(first, taken)]
    assert sends_by_fd(watched) == {second: more}
    samples = watched.end_interval()
    assert [(one.history.is_open, one.sends) for one in samples] == [(False, taken), (True, more)]
    watched.look()
    assert [one.history.is_open for one in watched.end_interval()] == [True]


def test_many_short_connections_are_added_up_in_bounded_memory(
    start: Start, sampler: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zcprobe.attach.sampler.MOST_CLOSED", 3)
    puppet = start()
    watched = sampler(pids=(puppet.pid,))
    taken = []
    for count in (11, 13, 17, 19, 23):
        puppet.do("open", "a")
        taken.append(puppet.send("a", count))
        watched.look()
        puppet.do("close", "a")
    watched.look()
    assert [one.sends for one in watched.closed] == taken[:3]
    assert (watched.forgotten_sockets, watched.forgotten_sends) == (2, sum(taken[3:]))


def test_a_process_that_is_killed_leaves_its_counts(start: Start, sampler: Make) -> None:
    puppet = start()
    fd = int(puppet.do("open", "a"))
    watched = sampler(pids=(puppet.pid,))
    taken = puppet.send("a", 101)
    watched.look()
    puppet.kill()
    watched.look()
    assert len(watched.processes) == 0
    assert [(one.look.fd, one.sends, one.is_open) for one in watched.closed] == [(fd, taken, False)]
    assert "has ended" in watched.processes.take_notes()[0]


def test_a_process_that_executes_another_program_stays_watched(start: Start, sampler: Make, tmp_path: object) -> None:
    puppet = start()
    puppet.do("open", "a")
    watched = sampler(pids=(puppet.pid,))
    assert puppet.do("exec", f"{tmp_path}/renamed") == "ready"
    fd = int(puppet.do("open", "b"))
    taken = puppet.send("b", 101)
    watched.look()
    watched.processes.follow_names()
    assert sends_by_fd(watched) == {fd: taken}
    assert [one.sends for one in watched.closed] == [0]
    assert watched.processes.take_notes()[0].endswith("is called renamed now")


def test_a_process_that_drops_its_privileges_stays_watched(start: Start, sampler: Make) -> None:
    puppet = start()
    fd = int(puppet.do("open", "a"))
    watched = sampler(pids=(puppet.pid,))
    puppet.do("setuid", 65534)
    taken = puppet.send("a", 23)
    watched.look()
    assert sends_by_fd(watched) == {fd: taken}


def test_a_forked_child_with_the_same_socket_counts_nothing_twice(start: Start, sampler: Make) -> None:
    puppet = start()
    puppet.do("open", "a")
    watched = sampler(pids=(puppet.pid,), children=True)
    child = int(puppet.do("fork"))
    watched.processes.find_new()
    assert {process.pid for process in watched.processes} == {puppet.pid, child}
    taken = puppet.send("a", 101)
    watched.look()
    assert [one.sends for one in watched.sockets.values()] == [taken]
    puppet.do("close", "a")
    watched.look()
    assert [(one.pid, one.sends) for one in watched.sockets.values()] == [(child, taken)]  # which still has it
    os.kill(child, 9)


def test_children_are_left_alone_unless_they_are_asked_for(start: Start, sampler: Make) -> None:
    puppet = start()
    watched = sampler(pids=(puppet.pid,))
    child = int(puppet.do("fork"))
    watched.processes.find_new()
    assert [process.pid for process in watched.processes] == [puppet.pid]
    os.kill(child, 9)


@pytest.mark.parametrize(
    "before", [("unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"), ("unshare", "--pid", "--fork")]
)
def test_other_namespaces_make_no_difference(start: Start, sampler: Make, before: tuple[str, ...]) -> None:
    puppet = start(*before)
    fd = int(puppet.do("open", "a"))
    watched = sampler(pids=(puppet.pid,), children=True)
    taken = puppet.send("a", 101)
    watched.look()
    assert sends_by_fd(watched) == {fd: taken}


def test_the_limit_is_that_of_the_sockets_own_namespace(start: Start, sampler: Make) -> None:
    set_limit = 'ip link set lo up; echo 54321 >/proc/sys/net/core/optmem_max; exec "$@"'
    inside, outside = start("unshare", "--net", "sh", "-c", set_limit, "sh"), start()
    limits = []
    for puppet in (inside, outside):
        puppet.do("open", "a")
        limits.append(socket_summaries(sampler(pids=(puppet.pid,)))[0].optmem_max_bytes)
    with open("/proc/sys/net/core/optmem_max") as file:
        assert limits == [54321, int(file.read())]


def test_sockets_without_zerocopy_are_listed_by_what_they_are(start: Start, sampler: Make) -> None:
    puppet = start()
    fd = int(puppet.do("open", "a", "plain"))
    puppet.do("unix")
    watched = sampler(pids=(puppet.pid,))
    puppet.send("a", 101)  # the flag without SO_ZEROCOPY has no effect
    watched.look(every=True)
    assert watched.sockets == {}
    assert watched.other_counts == {"tcp": 2, "unix": 2}
    found = next(one for one in socket_summaries(watched) if one.fd == fd)
    assert (found.zerocopy_enabled, found.sends, found.device_kind) == (False, None, "loopback")
