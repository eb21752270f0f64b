# SPDX-License-Identifier: GPL-2.0-only
import re
from typing import Any

import msgspec
import pytest

from zcprobe.benchmark.run_warnings import warnings_of
from zcprobe.config import RunConfig
from zcprobe.format.effects import Effects
from zcprobe.format.findings import RunWarning
from zcprobe.format.lab import Lab
from zcprobe.format.summary import KernelSummary, SenderSummary
from zcprobe.lab.scenarios import find_scenario

LAB = Lab(
    scenario="",
    sender_netns_path=None,
    sink_netns_path=None,
    sender_netns_inode=1,
    sender_address="10.0.0.1",
    sink_address="10.0.0.2",
    sink_port=5301,
    optmem_max_bytes=131072,
    impairment={},
    mtu_bytes=1500,
)
IMPAIRED = {
    "held-completions": Effects(held_packets=1009, held_bytes=10**6, hold_waits=1, hold_dropped_packets=0),
    "in-flight": Effects(delayed_packets=23, delay_waits=1, delay_dropped_packets=0),
    "reordered-link": Effects(reordered_packets=1),
    "slow-reader": Effects(reader_pause_ns=1),
    "stalled-reader": Effects(reader_pause_ns=5_000_000_000),
    "in-order": Effects(),
}


Results = tuple[KernelSummary, SenderSummary]


def results(**members: Any) -> Results:
    """The summaries of a run without ENOBUFS, with `members` changed."""
    of_control = {"enobufs_causes": {}, "optmem_max_bytes": 131072, "charge_bytes": 832, "enobufs_unread_share": None}
    numbers: dict[str, Any] = dict.fromkeys((*KernelSummary.__struct_fields__, *SenderSummary.__struct_fields__), 0)
    told = numbers | of_control | members
    kernel = KernelSummary(**{name: told.pop(name) for name in KernelSummary.__struct_fields__})
    return kernel, SenderSummary(**told)


def warn(name: str, effects: Effects | None = None, said: Results | None = None, **asked: Any) -> list[RunWarning]:
    config = RunConfig(scenario=name, **{"send_bytes": 1400, **asked})
    effects = effects or IMPAIRED.get(name, Effects())
    return warnings_of(config, find_scenario(name), LAB, effects, *(said or results()))


def ids(warnings: list[RunWarning]) -> list[str]:
    return [warning.id for warning in warnings]


@pytest.mark.parametrize("name", IMPAIRED)
def test_a_run_that_was_what_it_says_has_none(name: str) -> None:
    assert warn(name) == []


@pytest.mark.parametrize(
    ("name", "effects", "id_", "text"),
    [
        ("held-completions", Effects(held_packets=0, hold_waits=0), "nothing-held-back", "none of the packets"),
        ("held-completions", Effects(held_packets=7, hold_waits=0), "nothing-held-back", "7 packets .* 375 Mbit/s"),
        ("held-in-flight", Effects(held_packets=7, hold_waits=0), "nothing-held-back", "7 packets .* 2 Gbit/s"),
        ("in-flight", Effects(delayed_packets=23, delay_waits=0), "nothing-delayed", "none of 23 acknowledgements"),
        ("reordered-link", Effects(reordered_packets=0), "nothing-reordered", "every packet arrived after"),
        ("slow-reader", Effects(reader_pause_ns=0), "reader-not-slowed", "never held up"),
        ("stalled-reader", Effects(reader_pause_ns=0), "reader-not-slowed", "never held up"),
    ],
)
def test_a_path_that_was_not_impaired_is_told(name: str, effects: Effects, id_: str, text: str) -> None:
    (warning,) = warn(name, effects)
    assert warning.id == id_
    assert msgspec.json.encode(warning)
    assert re.search(text, warning.text)


def test_a_queue_that_overflowed_is_told() -> None:
    full = Effects(held_packets=1009, hold_waits=7, hold_dropped_packets=3)
    (warning,) = warn("held-completions", full)
    assert warning.id == "hold-overflowed"
    assert "3 of them" in warning.text


def test_a_sender_that_died_at_once_of_what_was_in_flight_waited_for_nothing() -> None:
    none_late = Effects(delayed_packets=40, delay_waits=0)
    assert (
        warn("in-flight", none_late, results(outcome="dead_enobufs", enobufs_count=1, enobufs_unread_share=0.1)) == []
    )
    unread = results(outcome="dead_enobufs", enobufs_count=1, enobufs_unread_share=0.9)
    assert ids(warn("in-flight", none_late, unread)) == ["nothing-delayed"]


def test_a_sink_that_said_nothing_is_not_accused() -> None:
    assert warn("slow-reader", Effects(reader_pause_ns=None)) == []


@pytest.mark.parametrize("name", ["slow-reader", "stalled-reader"])
def test_a_reader_holds_no_datagrams_back(name: str) -> None:
    assert ids(warn(name, protocol="udp")) == ["datagrams-not-held"]


def test_a_memlock_limit_that_refused_nothing_is_told() -> None:
    refused = results(enobufs_count=3, enobufs_causes={"memlock_new": 2, "memlock_extended": 1})
    assert warn("memlock", said=refused) == []
    by_another = results(enobufs_count=3, enobufs_causes={"optmem": 3})
    assert ids(warn("memlock", said=by_another)) == ["memlock-not-reached"]
    without_probes = results(enobufs_count=3, enobufs_causes=None)
    assert warn("memlock", said=without_probes) == []
    assert ids(warn("memlock", said=results(enobufs_causes=None))) == ["memlock-not-reached"]


@pytest.mark.parametrize(("share", "why"), [(0.9, "unread ones"), (0.1, "in flight at once"), (None, "157 notif")])
def test_a_control_that_met_enobufs_is_none(share: float | None, why: str) -> None:
    met = results(enobufs_count=2, enobufs_unread_share=share)
    (warning,) = warn("in-order", said=met)
    assert warning.id == "not-a-control"
    assert "2 send calls returned ENOBUFS" in warning.text
    assert why in warning.text
    assert ids(warn("held-completions", said=met)) == []


@pytest.mark.parametrize(
    ("family", "size", "fragmented"),
    [("ipv4", 1472, False), ("ipv4", 1473, True), ("ipv6", 1452, False), ("ipv6", 1453, True)],
)
def test_datagrams_beyond_the_mtu_are_told(family: str, size: int, fragmented: bool) -> None:
    found = ids(warn("in-order", protocol="udp", family=family, send_bytes=size))
    assert found == (["fragmented-datagrams"] if fragmented else [])
    assert ids(warn("in-order", family=family, send_bytes=size)) == []


def test_nothing_is_known_of_a_path_that_is_not_ours() -> None:
    config = RunConfig(scenario="remote", to="10.0.0.9", send_bytes=65536)
    assert warnings_of(config, find_scenario("in-order"), LAB, Effects(), *results(enobufs_count=5)) == []


@pytest.mark.parametrize("to", [None, "192.0.2.1"])
def test_a_silent_sink_is_told_on_any_path(to: str | None) -> None:
    (warning,) = warn("in-order", said=results(sink_bytes=None, goodput_bps=None), to=to)
    assert warning.id == "sink-silent"
    assert "no goodput" in warning.text
