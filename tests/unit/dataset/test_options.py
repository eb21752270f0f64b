# SPDX-License-Identifier: GPL-2.0-only
"""Every option of a run is shown. These tests also cover an option that is added to the configuration later."""

import pytest

from tests.unit.changed import changed_run, run_pair
from zcprobe.config import RunConfig, SocketOptions
from zcprobe.dataset.load import Comparison, Run
from zcprobe.dataset.option_words import describe_option, describe_options
from zcprobe.dataset.options import OPTIONS, default_options, differing, options_of
from zcprobe.policies import PolicyParameters
from zcprobe.workloads import Traffic


@pytest.fixture
def plain(shipped: dict[str, Comparison]) -> Run:
    return shipped["held-completions"].runs_of("qemu-pre")[0]


def test_every_member_of_the_configuration_is_an_option() -> None:
    nested = {"parameters": PolicyParameters, "traffic": Traffic, "socket": SocketOptions}
    names = [name for name in RunConfig.__struct_fields__ if name not in nested]
    names += [f"{prefix}_{name}" for prefix, struct in nested.items() for name in struct.__struct_fields__]
    assert set(names) == set(OPTIONS)
    assert all(not isinstance(value, dict) for value in default_options("qemu-merged").values())


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_changes_what_is_told_and_tells_runs_apart(name: str, plain: Run) -> None:
    before, after = run_pair(plain, name)
    assert name in differing([before, after])
    assert describe_options(options_of(before.meta)) != describe_options(options_of(after.meta))


def test_an_option_that_is_added_later_is_told_by_its_name() -> None:
    assert describe_option("traffic_burst_bytes", 65536) == "burst 64 KiB"
    assert describe_option("quiet_interval_ns", 1_500_000) == "quiet interval 1.5 ms"
    assert describe_option("anything", None) == "no anything"


def test_what_was_left_open_has_the_value_in_force(shipped: dict[str, Comparison]) -> None:
    options = shipped["held-completions"].runs_of("qemu-merged")[0].options
    told = ("hold_one_in_count", "hold_rate_bps", "optmem_max_bytes", "flush_variant", "send_bytes")
    assert [options[name] for name in told] == [16, 600_000_000, 65536, "sticky", 65536]


def test_what_has_no_effect_is_not_told(plain: Run) -> None:
    options = plain.options
    for name in ("traffic_guest_bytes", "traffic_seed", "parameters_drain_every"):
        assert options[name] is None
    timed = changed_run(plain, duration_s=5.0).options
    assert (timed["send_count"], timed["duration_s"]) == (None, 5.0)
    mixed = changed_run(plain, traffic_sizes=[[1024, 8], [65536, 2]])
    assert (mixed.options["send_bytes"], mixed.send_bytes) == (None, 0)
    copying = changed_run(plain, zerocopy=False).options
    assert (copying["policy"], copying["flush_variant"], copying["wait_for"]) == (None, None, None)


def test_runs_of_version_1_say_whether_there_were_probes(shipped: dict[str, Comparison]) -> None:
    assert shipped["no-probes"].runs[0].options["probe_level"] == "off"
    assert shipped["in-order"].runs[0].options["probe_level"] == "timeline"


def test_senders_alone_can_be_pinned() -> None:
    assert describe_option("affinity", [0, 1]) == "senders on CPU 0, sink on CPU 1"
    assert describe_option("affinity", [0]) == "senders on CPU 0"
