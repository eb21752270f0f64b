# SPDX-License-Identifier: GPL-2.0-only
"""How each policy fares where ENOBUFS is certain."""

import errno
import os
from collections.abc import Callable

import msgspec
import pandas as pd
import pytest

from zcprobe.dataset.load import Run
from zcprobe.policies import POLICIES, PolicyParameters

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root"),
    pytest.mark.usefixtures("nothing_left"),
]

Measure = Callable[..., Run]

DYING = ("qemu-pre", "qemu-v2", "qemu-shipped", "kill")
WAITING = ("qemu-v1", "qemu-v5", "qemu-merged", "qemu-lru-half", "drain-every", "wait-progress", "eagain")
COPYING = ("grpc", "folly", "ydb", "copy-off", "watermark")
NEVER_DEAD = ("folly", "ydb", "copy-off", "wait-progress", "watermark")
COUNT = 503


def parameters(policy: str, **changes: int) -> PolicyParameters:
    return msgspec.structs.replace(POLICIES[policy].defaults, **changes)


def assert_all_arrived(run: Run, count: int) -> None:
    assert (run.sender.outcome, run.sender.error) == ("completed", None)
    assert run.sender.writes == count
    assert run.sender.bytes_sent == run.sender.sink_bytes == count * run.meta.config.send_bytes
    assert run.sender.sink_intact is True
    assert run.sender.completions == run.sender.sends


@pytest.mark.parametrize("policy", DYING)
def test_in_flight_charges_kill_who_cannot_wait(policy: str, measure: Measure) -> None:
    run = measure(scenario="in-flight", policy=policy)
    assert run.sender.outcome == "dead_enobufs"
    assert set(run.kernel.enobufs_causes) == {"optmem"}
    assert run.sender.sink_intact is True
    assert run.sender.copied_on_purpose == 0
    last = run.sends.iloc[-1]
    assert (last["error"], last["taken_bytes"]) == (105, 0)
    assert last["enobufs_count"] == (2 if policy in ("qemu-v2", "qemu-shipped") else 1)


@pytest.mark.parametrize("policy", WAITING)
def test_in_flight_charges_are_survived_by_waiting(policy: str, measure: Measure) -> None:
    run = measure(scenario="in-flight", policy=policy, send_count=COUNT)
    assert_all_arrived(run, COUNT)
    assert run.sender.enobufs_count > 0
    if policy not in ("wait-progress",):
        assert run.sender.copied_on_purpose == 0


@pytest.mark.parametrize("policy", COPYING)
def test_in_flight_charges_are_survived_by_copying(policy: str, measure: Measure) -> None:
    run = measure(scenario="in-flight", policy=policy, send_count=COUNT)
    assert_all_arrived(run, COUNT)
    assert 0 < run.sender.copied_on_purpose < COUNT
    assert run.sends["copied_on_purpose"].sum() == run.sender.copied_on_purpose


def test_a_watermark_is_never_refused(measure: Measure) -> None:
    for copy_above in (0, 1):
        run = measure(
            scenario="in-flight",
            policy="watermark",
            parameters=parameters("watermark", copy_above=copy_above),
            send_count=COUNT,
        )
        assert_all_arrived(run, COUNT)
        assert run.sender.enobufs_count == 0
        assert run.kernel.optmem_peak_bytes <= run.kernel.optmem_max_bytes
        assert (run.sender.stall_count > 0) == (copy_above == 0)
        # it reads, or waits, so that nothing fails
        assert set(run.flushes["trigger"]) == {"periodic", "explicit"}
        assert set(run.flushes["blocking"][run.flushes["trigger"] == "periodic"]) == {copy_above == 0}


def test_what_answers_enobufs_says_so(measure: Measure) -> None:
    run = measure(scenario="in-flight", policy="wait-progress", send_count=COUNT)
    assert run.sender.enobufs_count > 0
    assert set(run.flushes["trigger"]) == {"enobufs", "explicit"}


def outstanding_at(run: Run, reason: str) -> "pd.Series[int]":
    """How many sends were outstanding at each look at optmem with that reason."""
    return run.meminfo["in_flight"][run.meminfo["reason"] == reason]


@pytest.mark.parametrize(("policy", "share_left"), [("qemu-merged", 0.0), ("qemu-lru-half", 0.5)])
def test_a_flush_ends_as_soon_as_few_enough_are_outstanding(policy: str, share_left: float, measure: Measure) -> None:
    run = measure(scenario="in-flight", policy=policy, send_count=COUNT)
    assert_all_arrived(run, COUNT)
    # the last flush is that of the end of the run
    before, after = outstanding_at(run, "enobufs"), outstanding_at(run, "flushed")[:-1]
    assert len(before) == len(after) == run.sender.enobufs_count > 0
    assert (after.to_numpy() <= before.to_numpy() * share_left).all()
    assert (after.max() > 0) == (share_left > 0)


@pytest.mark.parametrize("policy", ["qemu-lru-half", "wait-each"])
def test_who_has_nothing_to_wait_for_fails_at_once(policy: str, measure: Measure) -> None:
    """Not even one send of that size fits into the limit, so it would neither help to wait nor to try again."""
    run = measure(scenario="memlock", policy=policy, send_bytes=2 << 20)
    assert (run.sender.outcome, run.sender.sends, run.sender.enobufs_count) == ("dead_enobufs", 0, 1)
    assert set(run.kernel.enobufs_causes) == {"memlock_new"}


@pytest.mark.parametrize(("scenario", "count"), [("in-flight", 101), ("held-completions", 101), ("memlock", COUNT)])
def test_who_waits_for_each_has_one_send_outstanding(scenario: str, count: int, measure: Measure) -> None:
    run = measure(scenario=scenario, policy="wait-each", send_count=count)
    assert_all_arrived(run, count)
    assert (run.sender.enobufs_count, run.sender.copied_on_purpose) == (0, 0)
    assert run.meminfo["in_flight"].max() == 1
    assert run.kernel.optmem_peak_bytes == run.kernel.charge_bytes
    # each send but the first waits for the one before, and the end of the run waits for the last
    assert_stalls_add_up(run)
    assert len(run.stalls) == run.sender.sends - 1
    assert set(run.stalls["completion_count"]) == {1}
    assert set(run.notifications["hi"] - run.notifications["lo"]) == {0}
    periodic = run.flushes[run.flushes["trigger"] == "periodic"]
    assert len(periodic) == len(run.stalls)
    assert periodic["blocking"].all()


def test_waiting_for_each_lasts_as_long_as_the_peer_likes(measure: Measure) -> None:
    run = measure(scenario="stalled-reader", policy="wait-each", deadline_s=2.0)
    assert (run.sender.outcome, run.sender.enobufs_count) == ("dead_timeout", 0)
    assert run.stalls.iloc[-1]["result"] == -errno.ETIMEDOUT
    assert run.sender.stall_ns_total > 1.5e9


def assert_stalls_add_up(run: Run) -> None:
    durations = run.stalls["duration_ns"]
    assert len(durations) == run.sender.stall_count > 0
    assert durations.sum() == run.sender.stall_ns_total
    assert durations.max() == run.sender.stall_ns_max


def test_a_write_without_the_flag_is_not_saved_by_the_flush(measure: Measure) -> None:
    run = measure(scenario="in-flight", policy="qemu-v5", parameters=parameters("qemu-v5", flush_once=0))
    assert run.sender.outcome == "dead_enobufs"
    assert (run.sender.enobufs_count, run.sender.stall_count) == (1, 0)


def test_zerocopy_comes_back_after_some_copies(measure: Measure) -> None:
    never, soon = (
        measure(
            scenario="in-flight",
            policy="folly",
            parameters=parameters("folly", reenable_after=after),
            send_count=COUNT,
        ).sender
        for after in (0, 10)
    )
    assert never.enobufs_count == 1
    assert soon.enobufs_count > 1
    assert soon.sends > never.sends
    for sender in (never, soon):
        assert sender.sends + sender.copied_on_purpose >= COUNT


@pytest.mark.parametrize(("scenario", "count"), [("held-completions", 4001), ("slow-reader", 60), ("memlock", 1009)])
@pytest.mark.parametrize("policy", NEVER_DEAD)
def test_who_copies_never_dies(policy: str, scenario: str, count: int, measure: Measure) -> None:
    assert_all_arrived(measure(scenario=scenario, policy=policy, send_count=count), count)


@pytest.mark.parametrize(("scenario", "count"), [("slow-reader", 60), ("memlock", 1009)])
def test_there_who_does_nothing_dies(scenario: str, count: int, measure: Measure) -> None:
    assert measure(scenario=scenario, policy="qemu-pre", send_count=count).sender.outcome == "dead_enobufs"


def test_who_retries_without_reading_never_gets_on(measure: Measure) -> None:
    for _ in range(3):
        # far more than go through in that time: a lucky run merges enough to get through a few thousand
        run = measure(scenario="held-completions", policy="log-retry", deadline_s=2.0, send_count=1_000_000)
        assert run.sender.outcome == "dead_timeout"
        if run.stalls.iloc[-1]["result"]:
            break  # else its deadline came between two stalls
    assert 2e9 <= run.sender.duration_ns < 2.6e9
    assert run.sender.enobufs_count > 1000
    assert run.sends["enobufs_count"].max() > 1000
    assert run.sender.sink_intact is True
    # it spins inside the policy, in a stall that lasts until the run's deadline ends it
    assert run.stalls.iloc[-1]["result"] == -errno.ETIMEDOUT
    assert run.stalls["enobufs_count"].sum() == run.sender.enobufs_count
    assert_stalls_add_up(run)


@pytest.mark.parametrize("policy", ["qemu-merged", "qemu-lru-half", "eagain", "grpc", "wait-progress"])
def test_whatever_a_policy_waits_in_is_a_stall(policy: str, measure: Measure) -> None:
    """A flush, a poll for room, a poll for a notification: the sends that met ENOBUFS took at least as long."""
    chosen = parameters(policy, max_in_flight=10_000) if policy == "grpc" else parameters(policy)
    run = measure(scenario="in-flight", policy=policy, parameters=chosen, send_count=COUNT)
    assert_all_arrived(run, COUNT)
    assert_stalls_add_up(run)
    refused = run.sends[run.sends["enobufs_count"] > 0]
    assert len(run.stalls) == len(refused) > 0
    assert (refused["latency_ns"].to_numpy() >= run.stalls["duration_ns"].to_numpy()).all()
    # acknowledgements come late there: nobody goes on without having waited
    assert run.sender.stall_ns_total > 0.5 * refused["latency_ns"].sum()


def test_who_copies_at_once_has_not_waited(measure: Measure) -> None:
    run = measure(scenario="in-flight", policy="copy-off", send_count=COUNT)
    assert (run.sender.enobufs_count, run.sender.stall_count, len(run.stalls)) == (1, 0, 0)


def test_waiting_for_everything_lasts_as_long_as_the_peer_likes(measure: Measure) -> None:
    run = measure(scenario="stalled-reader", policy="qemu-merged", deadline_s=2.0)
    assert run.sender.outcome == "dead_timeout"
    assert 1.5e9 < run.sender.stall_ns_max < 2.3e9
    assert run.sender.sink_intact is True


def test_waiting_for_room_gives_up_and_copies(measure: Measure) -> None:
    run = measure(scenario="stalled-reader", policy="wait-progress", send_count=200)
    assert_all_arrived(run, 200)
    assert run.sender.copied_on_purpose > 0
    assert run.sender.stall_ns_max < 1.5e9


def test_a_connection_that_was_hung_up_is_not_read_any_more(measure: Measure) -> None:
    run = measure(scenario="in-flight", policy="kill")
    assert run.sender.completions < run.sender.sends
    # unread notifications are purged when the socket is closed, and still count for it
    (counts,) = run.meta.sockets
    assert counts.closed
    assert counts.purged == (run.kernel_events["kind"] == "purged").sum() > 0
    assert run.sender.sink_bytes == run.sender.bytes_sent
    assert "settle" not in set(run.flushes["trigger"])
