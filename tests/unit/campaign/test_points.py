# SPDX-License-Identifier: GPL-2.0-only
from collections.abc import Mapping

import msgspec
import pytest

from zcprobe.campaign.plan_file import parse_plan
from zcprobe.campaign.points import Making, PlannedPoint, key_of, points_of
from zcprobe.cli.plan_options import make_run, plan_options
from zcprobe.config import RunConfig
from zcprobe.errors import UsageError
from zcprobe.format.campaign import PointValue


def points(text: str) -> list[PlannedPoint]:
    return points_of(parse_plan(text.encode(), plan_options()), make_run)


def test_the_axes_of_a_point_are_the_options_in_which_points_differ() -> None:
    found = points('policy = ["qemu-pre", "qemu-merged"]\nlength = "64K"\nchannels = [2, 4]')
    assert [point.axes for point in found] == [
        {"policy": policy, "channels": count} for policy in ("qemu-pre", "qemu-merged") for count in (2, 4)
    ]
    config = found[1].making.benchmark.config
    assert (config.policy, config.channels, config.send_bytes) == ("qemu-pre", 4, 65536)


def test_every_point_has_a_key_of_its_own_which_says_its_configuration() -> None:
    found = points('policy = ["qemu-pre", "qemu-merged"]\nscenario = ["in-flight", "in-order"]\nlength = ["4K", "8K"]')
    assert len({point.key for point in found}) == 8
    again = points('length = ["8K"]\nscenario = ["in-order", "in-flight"]\npolicy = "qemu-merged"')
    assert {point.key for point in again} < {point.key for point in found}


def test_a_key_stays_the_same_for_ever() -> None:
    """Results of last year are found again by it. Change a default of a scenario, and the points that take it have new
    keys: those are other runs."""
    text = 'policy = "qemu-merged"\nscenario = "in-flight"\nlength = "512K"\noptmem-max = "20K"\ncount = 600'
    assert [point.key for point in points(text)] == ["14791526be16"]


def test_the_key_of_a_control_does_not_depend_on_the_buffers_of_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    (before,) = points('scenario = "in-order"')
    monkeypatch.setattr("zcprobe.benchmark.defaults.roomy_optmem_bytes", lambda *_: 2**30)
    (after,) = points('scenario = "in-order"')
    assert before.making.benchmark.config.optmem_max_bytes != after.making.benchmark.config.optmem_max_bytes == 2**30
    assert before.key == after.key
    (chosen,) = points('scenario = "in-order"\noptmem-max = "1G"')
    assert chosen.key != after.key


def test_no_member_of_the_configuration_is_left_out_of_the_key() -> None:
    making = make_run({})
    changed = {
        "channels": 3,
        "zerocopy": False,
        "settle_s": 1.5,
        "socket": msgspec.structs.replace(making.benchmark.config.socket, cork=True),
        "traffic": msgspec.structs.replace(making.benchmark.config.traffic, seed=5),
    }
    assert set(changed) < set(RunConfig.__struct_fields__)
    keys = {key_of(making)}
    for name, value in changed.items():
        config = msgspec.structs.replace(making.benchmark.config, **{name: value})
        benchmark = msgspec.structs.replace(making.benchmark, config=config)
        keys.add(key_of(msgspec.structs.replace(making, benchmark=benchmark)))
    assert len(keys) == len(changed) + 1


def test_combinations_that_are_the_same_run_are_one_point() -> None:
    """qemu-merged does not read drain_every."""
    found = points('policy = ["qemu-merged", "drain-every"]\nset.drain_every = [8, 16]')
    assert [point.axes for point in found] == [
        {"policy": "qemu-merged"},
        {"policy": "drain-every", "set.drain_every": 8},
        {"policy": "drain-every", "set.drain_every": 16},
    ]


@pytest.mark.parametrize(
    ("text", "path", "what", "hint"),
    [
        ('policy = ["qemu-pre", "qemu-mergd"]', "policy[1]", "qemu-mergd", "did you mean 'qemu-merged'?"),
        ('scenario = "in-ordre"', "scenario", "in-ordre", "did you mean 'in-order'?"),
        ('traffic = ["stream", "steam"]', "traffic[1]", "steam", "did you mean 'stream'?"),
        ('length = ["64K", "64Q"]', "length[1]", "64Q", "4096, 64K or 1M"),
        ("channels = [1, 65]", "channels[1]", "65 channels", "from 1 to 64"),
        ("channels = 1.5", "channels", "1.5", "digits"),
        ("channels = true", "channels", "true", "zcprobe run"),
        ("zerocopy = true\nno-zerocopy = true", "zerocopy with no-zerocopy", "one option", "one of them"),
        ('nics = "a,b"\nlink = "a,b"', "nics with link", "nics and link are one option", "one of them"),
        ("zerocopy = 1", "zerocopy", "on or off", "true or false"),
        ('nagle = "maybe"', "nagle", "on or off", "true or false"),
        ("[[part]]\ntime = 1\n[[part]]\ntime = 100000", "part[1].time", "out of range", "a day"),
        ('set.drain_evry = 8\npolicy = "drain-every"', "set.drain_evry", "no policy", "zcprobe policies"),
        ('set.drain_every = "many"\npolicy = "drain-every"', "set.drain_every with policy", "many", "from 1"),
        ("guest = '1M'", "guest", "describes a migration", "--traffic migration"),
        (
            'policy = "qemu-pre"\nzerocopy = [true, false]',
            "policy",
            "with --no-zerocopy no send asks a policy",
            "leave it out",
        ),
        ('preset = "qemu-migration"\nchannels = 4', "preset with channels", "contradicts", "leave one of them out"),
        ('token = "0123456789abcdef"\nto = "127.0.0.1"', "token", "a plan has no option", "did you mean 'token-file'?"),
        ('token-file = "/none/such"\nto = "127.0.0.1"', "token-file with to", "/none/such", ""),
    ],
)
def test_a_value_that_is_refused_is_told_with_its_path(text: str, path: str, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as refusal:
        points(text)
    assert str(refusal.value).startswith(f"{path}: "), str(refusal.value)
    assert what in str(refusal.value)
    assert hint in refusal.value.hint


def test_each_combination_is_made_once() -> None:
    asked: list[Mapping[str, PointValue]] = []

    def make(options: Mapping[str, PointValue]) -> Making:
        asked.append(options)
        return make_run(options)

    points_of(parse_plan(b"channels = [1, 2, 3]", plan_options()), make)
    assert asked == [{"channels": 1}, {"channels": 2}, {"channels": 3}]
