# SPDX-License-Identifier: GPL-2.0-only
import os

import pytest

from zcprobe.errors import HostError, UsageError
from zcprobe.lab.open import describe_impairment, open_lab
from zcprobe.lab.scenarios import SCENARIOS, find_scenario


def test_the_table_is_keyed_by_name() -> None:
    assert list(SCENARIOS) == [
        "in-order",
        "in-flight",
        "held-completions",
        "held-in-flight",
        "slow-reader",
        "stalled-reader",
        "memlock",
        "reordered-link",
    ]
    assert all(name == scenario.name for name, scenario in SCENARIOS.items())


def test_descriptions_are_one_line() -> None:
    assert all(0 < len(scenario.description) < 100 for scenario in SCENARIOS.values())
    assert all("\n" not in scenario.description for scenario in SCENARIOS.values())


def test_an_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown scenario 'inorder'") as caught:
        find_scenario("inorder")
    assert "in-order, in-flight" in caught.value.hint


def test_the_impairment_is_described_with_units() -> None:
    assert describe_impairment(find_scenario("held-completions")) == {
        "memlock_bytes": None,
        "hold_one_in_count": 16,
        "hold_rate_bps": 375_000_000,
        "hold_burst_bytes": 262_144,
        "hold_limit_bytes": 20_000_000,
    }
    assert describe_impairment(find_scenario("memlock")) == {"memlock_bytes": 262_144}
    assert describe_impairment(find_scenario("in-flight"))["delay_congestion_control"] == "reno"
    assert describe_impairment(find_scenario("reordered-link")) == {
        "memlock_bytes": None,
        "reorder_delay_ns": 10_000_000,
        "reorder_jitter_ns": 1_000_000,
        "reorder_limit_count": 100_000,
    }


def test_each_kind_of_impairment_is_a_member_of_its_own_whatever_a_scenario_has() -> None:
    """Who reads run.json or the list of scenarios looks them up by name."""
    listed = {name: scenario.members() for name, scenario in SCENARIOS.items()}
    kinds = {name: [kind for kind in ("hold", "delay", "reorder") if one[kind]] for name, one in listed.items()}
    assert {name: kind for name, kind in kinds.items() if kind} == {
        "in-flight": ["delay"],
        "held-completions": ["hold"],
        "held-in-flight": ["hold"],
        "reordered-link": ["reorder"],
    }
    assert listed["held-completions"]["hold"] == {
        "one_in_count": 16,
        "bucket": {"rate_bps": 375_000_000, "burst_bytes": 262_144, "limit_bytes": 20_000_000},
    }
    assert list(listed["in-order"]) == [
        *("name", "description", "send_bytes", "send_count", "optmem_max_bytes", "hold", "delay", "reorder"),
        *("memlock_bytes", "reading", "sndbuf_bytes", "shares", "is_control"),
    ]


def test_a_lab_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError, match="needs root"), open_lab(find_scenario("in-order"), run_id="u", family="ipv4"):
        pass
