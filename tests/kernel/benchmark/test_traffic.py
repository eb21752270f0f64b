# SPDX-License-Identifier: GPL-2.0-only
"""Traffic models: what each writes, counted exactly."""

import os
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from zcprobe.config import SocketOptions
from zcprobe.dataset.load import Run
from zcprobe.workloads import Traffic

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root"),
    pytest.mark.usefixtures("nothing_left"),
]

Measure = Callable[..., Run]

PAGE_BYTES = 4096
MIB = 1 << 20


def table(run: Run, name: str) -> pd.DataFrame:
    return pd.read_parquet(run.folder / f"{name}.parquet")


def migration(**changes: Any) -> Traffic:
    return Traffic(model="migration", guest_bytes=64 * MIB, **changes)


def test_a_guest_that_writes_little_converges(measure: Measure) -> None:
    run = measure(scenario="in-order", channels=2, traffic=migration(dirty_bytes_per_s=16 * MIB, downtime_ms=300))
    rounds = table(run, "rounds")
    assert (run.sender.outcome, run.sender.converged, run.sender.sink_intact) == ("completed", True, True)
    assert run.sender.rounds < 30
    assert len(rounds) == run.sender.rounds * 2
    assert rounds.groupby("channel")["round"].apply(list).tolist() == [list(range(run.sender.rounds))] * 2
    first = rounds[rounds["round"] == 0]
    assert (first["page_count"] + first["zero_page_count"]).sum() == 64 * MIB // PAGE_BYTES
    assert_rounds_add_up(run)


def assert_rounds_add_up(run: Run) -> None:
    rounds = table(run, "rounds")
    last = rounds["round"].max()
    assert (rounds["is_final"] == (rounds["round"] == last)).all()
    assert run.sender.downtime_ns == rounds[rounds["is_final"]]["duration_ns"].max()
    assert rounds["bytes"].sum() == run.sender.bytes_sent == run.sender.sink_bytes
    headers = run.sender.bytes_sent - rounds["page_count"].sum() * PAGE_BYTES
    assert headers % 1344 == 0
    packets = headers // 1344
    assert packets >= (rounds["page_count"] + rounds["zero_page_count"]).sum() / 128


def test_a_guest_that_writes_faster_than_the_path_never_does(measure: Measure) -> None:
    traffic = migration(dirty_bytes_per_s=1 << 40, downtime_ms=0, max_rounds=4)
    run = measure(scenario="in-order", channels=2, traffic=traffic)
    assert (run.sender.outcome, run.sender.converged, run.sender.rounds) == ("completed", False, 4)
    pages = table(run, "rounds")["page_count"] + table(run, "rounds")["zero_page_count"]
    assert (pages == 64 * MIB // PAGE_BYTES // 2).all()
    assert_rounds_add_up(run)


def test_every_round_of_every_channel_is_flushed_once(measure: Measure) -> None:
    """On veth every completion is COPIED."""
    run = measure(
        scenario="in-order", channels=2, traffic=migration(dirty_bytes_per_s=1 << 40, downtime_ms=0, max_rounds=3)
    )
    explicit = run.flushes[run.flushes["trigger"] == "explicit"]
    with_sends = int((explicit["completion_count"] > 0).sum())
    assert run.sender.copied_completions == run.sender.completions
    assert run.sender.flush_count == len(explicit) == run.sender.rounds * 2
    assert run.sender.missed_by_variant == {
        "all-copied": with_sends,
        "sticky": len(explicit),
        "any-copied": with_sends,
    }


@pytest.mark.parametrize(("variant", "missed"), [("all-copied", 0), ("sticky", 1), ("any-copied", 0)])
def test_only_the_sticky_flag_counts_a_round_without_content(variant: str, missed: int, measure: Measure) -> None:
    run = measure(
        scenario="in-order",
        flush_variant=variant,
        traffic=migration(zero_percent=100, dirty_bytes_per_s=1 << 40, downtime_ms=0, max_rounds=3),
    )
    assert run.sender.sends == 0
    assert run.sender.missed_zero_copy_count == missed * run.sender.flush_count
    assert set(table(run, "rounds")["flush_result"]) == {missed}
    assert run.sender.missed_by_variant["sticky"] == run.sender.flush_count == 3


@pytest.mark.parametrize("percent", [0, 30, 100])
def test_zero_pages_are_as_many_as_asked_for(percent: int, measure: Measure) -> None:
    run = measure(scenario="in-order", traffic=migration(zero_percent=percent, dirty_bytes_per_s=0))
    zero, content = table(run, "rounds")["zero_page_count"].sum(), table(run, "rounds")["page_count"].sum()
    share = 100 * zero / (zero + content)
    # 16384 pages: a standard deviation of 0.36 points
    assert abs(share - percent) <= (2 if 0 < percent < 100 else 0)
    assert run.sender.sink_intact is True


def test_every_request_is_answered(measure: Measure) -> None:
    run = measure(
        scenario="in-order",
        channels=2,
        send_count=307,
        traffic=Traffic(model="rpc", sizes=[(1000, 1), (65536, 1)], copy_below_bytes=16384),
    )
    requests = table(run, "requests")
    assert (run.sender.outcome, run.sender.sink_intact) == ("completed", True)
    assert run.sender.responses == len(requests) == 614
    assert requests.groupby("channel").size().tolist() == [307, 307]
    assert set(requests["bytes"]) == {1200, 65736}
    assert (requests["zerocopy"] == (requests["bytes"] == 65736)).all()
    assert requests["bytes"].sum() == run.sender.bytes_sent
    assert requests["zerocopy"].sum() == run.sender.sends
    assert (requests["latency_ns"] > 0).all()
    assert run.sender.request_max_ns == requests["latency_ns"].max()
    for share, told_ns in ((0.5, run.sender.request_p50_ns), (0.99, run.sender.request_p99_ns)):
        exact_ns = requests["latency_ns"].quantile(share, interpolation="higher")
        assert told_ns == pytest.approx(exact_ns, rel=0.05)


def test_requests_are_timed_without_records_too(measure: Measure) -> None:
    run = measure(scenario="in-order", send_count=101, record=False, traffic=Traffic(model="rpc"))
    assert run.requests.empty
    assert 0 < run.sender.request_p50_ns <= run.sender.request_p99_ns  # type: ignore[operator]
    assert run.sender.request_p99_ns <= run.sender.request_max_ns * 1.02  # type: ignore[operator]


def test_a_corked_run_ends_without_the_kernel_s_timer(measure: Measure) -> None:
    """TCP_CORK would hold the last segment back for 200 ms before the final flush could end."""
    run = measure(scenario="in-order", send_bytes=1000, send_count=1009, socket=SocketOptions(cork=True))
    final = run.flushes[run.flushes["trigger"] == "explicit"]
    assert len(final) == 1
    assert final["duration_ns"].max() < 100_000_000
    assert run.sender.outcome == "completed"


def test_small_writes_of_a_mixture_are_copied(measure: Measure) -> None:
    run = measure(
        scenario="in-order",
        send_count=4001,
        traffic=Traffic(model="mixed", sizes=[(1024, 3), (65536, 1)], copy_below_bytes=16384),
    )
    sends = run.sends
    assert (run.sender.outcome, run.sender.sink_intact, run.sender.writes) == ("completed", True, 4001)
    assert (sends["zerocopy"] == (sends["asked_bytes"] > 1024)).all()
    # of 4001: a standard deviation of 0.7 points
    assert abs(sends["zerocopy"].mean() - 0.25) < 0.04
    # a threshold of the traffic is not a decision of the policy
    assert run.sender.copied_on_purpose == 0


def test_the_same_seed_is_the_same_traffic(measure: Measure) -> None:
    def sizes(seed: int) -> list[Any]:
        traffic = Traffic(model="mixed", sizes=[(1024, 1), (4096, 1)], seed=seed)
        run = measure(scenario="in-order", send_count=101, traffic=traffic)
        return list(run.sends["asked_bytes"])

    assert sizes(1) == sizes(1) != sizes(2)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_datagrams_are_counted_exactly(family: str, measure: Measure) -> None:
    run = measure(scenario="in-order", protocol="udp", family=family, send_count=1009)
    assert (run.sender.outcome, run.sender.writes, run.sender.sends) == ("completed", 1009, 1009)
    assert run.sender.completions == 1009
    assert run.sender.bytes_sent == 1009 * 1400
    assert run.sender.sink_intact is True
    assert 0 < run.sender.sink_bytes <= run.sender.bytes_sent
    assert run.sender.sink_bytes % 1400 == 0
    assert run.meta.send_results["0"] == 1009


@pytest.mark.parametrize(("family", "largest"), [("ipv4", 65507), ("ipv6", 65527)])
def test_the_largest_datagram_of_each_family_arrives(family: str, largest: int, measure: Measure) -> None:
    run = measure(scenario="in-order", protocol="udp", family=family, send_bytes=largest, send_count=2, zerocopy=False)
    assert (run.sender.outcome, run.sender.sink_intact) == ("completed", True)
    assert run.sender.sink_bytes == 2 * largest
