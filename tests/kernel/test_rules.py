# SPDX-License-Identifier: GPL-2.0-only
"""Every scenario with TCP and UDP, over IPv4 and IPv6, natively: tc, nstat and /proc show from outside whether the path
was as the scenario says."""

import os
import subprocess
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from tests.outside import Namespaces, Processes, Seen, read_counters, read_qdiscs, read_unread_bytes, watched
from zcprobe.lab.scenarios import SCENARIOS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

Start = Callable[..., "subprocess.Popen[str]"]
Command = Callable[..., "subprocess.CompletedProcess[str]"]

CELLS = list(product(("tcp", "udp"), ("ipv4", "ipv6")))
STALL_S = 5
LEFT = {"tcp": 100_000, "udp": 1000}
"""Waiting bytes of a stream, or lost datagrams: many more than for a reader that is merely busy."""


def words_of(scenario: str, protocol: str, family: str) -> list[str]:
    words = ["run", "--scenario", scenario, "--probes", "none", "--no-record", "-J"]
    return words + (["-u"] if protocol == "udp" else []) + (["-6"] if family == "ipv6" else [])


def look(ends: Namespaces) -> dict[str, Any]:
    """Facts that the namespaces of both ends show."""
    return {
        "sender": read_qdiscs(ends.sender),
        "sink": read_qdiscs(ends.sink),
        "sent": read_counters(ends.sender),
        "received": read_counters(ends.sink),
        "unread_bytes": read_unread_bytes(ends.sink),
    }


def run_of(start_zcprobe: Start, scenario: str, protocol: str, family: str, *words: str) -> Seen:
    seen = watched(start_zcprobe(*words_of(scenario, protocol, family), *words), look)
    assert seen.run["sender"]["outcome"] == "completed"
    assert seen.values
    return seen


def packets_of(seen: Seen, protocol: str, family: str) -> int:
    """Datagrams or segments that the sender's namespace had sent at the last look."""
    udp = "UdpOutDatagrams" if family == "ipv4" else "Udp6OutDatagrams"
    return int(seen.values[-1]["sent"][udp if protocol == "udp" else "TcpOutSegs"])


def test_the_table_has_every_scenario() -> None:
    tested = {"in-order", "in-flight", "held-completions", "held-in-flight", "slow-reader", "stalled-reader"}
    assert set(SCENARIOS) == tested | {"memlock", "reordered-link"}


@pytest.mark.parametrize(("protocol", "family"), CELLS)
def test_nothing_is_in_the_way_in_order(protocol: str, family: str, start_zcprobe: Start) -> None:
    seen = run_of(start_zcprobe, "in-order", protocol, family, "-t", "1")
    for value in seen.values:
        kinds = {kind for end in ("sender", "sink") for _, kind in value[end]}
        assert kinds <= {"noqueue"}
    assert packets_of(seen, protocol, family) > 100


@pytest.mark.parametrize("scenario", ["held-completions", "held-in-flight"])
@pytest.mark.parametrize(("protocol", "family"), CELLS)
def test_clones_are_held_back(scenario: str, protocol: str, family: str, start_zcprobe: Start) -> None:
    seen = run_of(start_zcprobe, scenario, protocol, family, "-t", "1")
    held = [value["sender"].get(("hold0", "tbf")) for value in seen.values]
    last = [queue for queue in held if queue][-1]
    assert last["overlimits"] > 0  # it had one and had to wait
    assert max(queue["backlog"] for queue in held if queue) > 0
    share = 16 if scenario == "held-completions" else 1
    came = last["packets"] + last["qlen"] + last["drops"]
    sent = packets_of(seen, protocol, family)
    # many TCP segments make one GSO packet, and those of the calibration were sent before the hold
    assert came > 50
    assert came < sent / share * (2 if protocol == "tcp" else 1.1)


@pytest.mark.alone
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_acknowledgements_are_late_in_flight(family: str, start_zcprobe: Start) -> None:
    seen = run_of(start_zcprobe, "in-flight", "tcp", family)
    late = [queue for value in seen.values for (_, kind), queue in value["sink"].items() if kind == "tbf"]
    assert late[-1]["overlimits"] > 10
    assert late[-1]["drops"] == 0


def not_taken(seen: Seen, protocol: str) -> int:
    """Bytes that wait until the sink reads them, or datagrams for which its buffer had no room."""
    counters = seen.values[-1]["received"]
    if protocol == "tcp":
        return max(value["unread_bytes"] for value in seen.values)
    return int(counters["UdpRcvbufErrors"] + counters["Udp6RcvbufErrors"])


@pytest.mark.parametrize(("protocol", "family"), CELLS)
def test_a_slow_reader_leaves_data_where_it_is(protocol: str, family: str, start_zcprobe: Start) -> None:
    seen = run_of(start_zcprobe, "slow-reader", protocol, family)
    assert not_taken(seen, protocol) > LEFT[protocol]


@pytest.mark.parametrize(("protocol", "family"), CELLS)
def test_a_stalled_reader_takes_nothing_for_its_time(protocol: str, family: str, start_zcprobe: Start) -> None:
    seen = run_of(start_zcprobe, "stalled-reader", protocol, family)
    assert not_taken(seen, protocol) > LEFT[protocol]
    assert seen.elapsed_s > STALL_S


def memlock_limit(processes: Processes) -> str | None:
    with open(f"/proc/{processes.sender}/limits") as limits:
        (line,) = (line for line in limits if line.startswith("Max locked memory"))
    return line.split()[3]


@pytest.mark.parametrize(("protocol", "family"), CELLS)
def test_the_sender_may_lock_little_memory(protocol: str, family: str, start_zcprobe: Start) -> None:
    """Datagrams that fit into a frame, and fragments of IPv6, complete before sendmsg returns, so the limit is never
    reached, and the run says so."""
    size = ("-l", "60000") if protocol == "udp" else ()
    process = start_zcprobe(*words_of("memlock", protocol, family), *size, "-t", "1")
    seen = watched(process, look_at=memlock_limit)
    assert str(256 * 1024) in seen.values
    was_reached = seen.run["sender"]["enobufs_count"] > 0
    assert was_reached or (protocol, family) == ("udp", "ipv6")
    assert was_reached != ("memlock-not-reached" in {warning["id"] for warning in seen.run["warnings"]})


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_data_comes_out_of_order_where_there_is_netem(
    family: str, start_zcprobe: Start, zcprobe: Command, has_netem: bool
) -> None:
    if not has_netem:
        refused = zcprobe(*words_of("reordered-link", "tcp", family), "-n", "23")
        assert (refused.returncode, refused.stdout) == (3, "")
        assert "this kernel has no netem qdisc" in refused.stderr
        return
    seen = run_of(start_zcprobe, "reordered-link", "tcp", family, "-t", "2")
    assert any(("tx0", "netem") in value["sender"] for value in seen.values)
    assert seen.values[-1]["received"]["TcpExtTCPOFOQueue"] > 0


@pytest.mark.parametrize("scenario", ["in-flight", "reordered-link"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_what_only_acknowledgements_make_is_refused_for_datagrams(scenario: str, family: str, zcprobe: Command) -> None:
    refused = zcprobe(*words_of(scenario, "udp", family))
    assert (refused.returncode, refused.stdout) == (2, "")
    what, to_do = refused.stderr.splitlines()
    assert what.startswith("zcprobe: --udp ")
    assert "leave out --udp" in to_do
