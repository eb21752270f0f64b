# SPDX-License-Identifier: GPL-2.0-only
"""A comparison of anything but policies is a plan with one axis."""

import argparse
from typing import Any

import pytest

from zcprobe.campaign.plan_file import plan_of
from zcprobe.campaign.points import PlannedPoint, points_of
from zcprobe.cli.compare_axis import axis_of, plan_content
from zcprobe.cli.main import main
from zcprobe.cli.parser import make_parser
from zcprobe.cli.plan_options import make_run, plan_options
from zcprobe.config import RunConfig


def parse(*words: str) -> argparse.Namespace:
    return make_parser(("compare",)).parse_args(["compare", *words])


def points(*words: str) -> list[PlannedPoint]:
    options = parse(*words)
    axis = axis_of(options)
    assert axis is not None
    return points_of(plan_of(plan_content(options, axis, 7), plan_options()), make_run)


def configs(*words: str) -> list[RunConfig]:
    return [point.making.benchmark.config for point in points(*words)]


@pytest.mark.parametrize(
    ("words", "member", "values"),
    [
        (("--compare", "zerocopy=on,off"), lambda config: config.zerocopy, [True, False]),
        (("--compare", "nagle=off,on"), lambda config: config.socket.nodelay, [True, False]),
        (("--compare", "optmem-max=20K,128K"), lambda config: config.optmem_max_bytes, [20480, 131072]),
        (("--compare", "channels=1,2,8"), lambda config: config.channels, [1, 2, 8]),
        (("-l", "4K,64K"), lambda config: config.send_bytes, [4096, 65536]),
        (
            ("--compare", "set.drain_every=8,16", "--policies", "drain-every"),
            lambda config: config.parameters.drain_every,
            [8, 16],
        ),
        (("--compare", "scenario=in-flight,in-order"), lambda config: config.scenario, ["in-flight", "in-order"]),
    ],
)
def test_any_option_is_an_axis(words: tuple[str, ...], member: Any, values: list[object]) -> None:
    found = configs(*words)
    assert [member(config) for config in found] == values
    assert len({config.policy for config in found}) == 1


def test_the_other_options_hold_for_every_point() -> None:
    words = ("--scenario", "in-flight", "-P", "2", "-n", "101", "--udp", "--no-record", "--settle", "1.5")
    scenario = ("--scenario", "held-completions", "--policies", "drain-every", "--set", "drain_every=5")
    for config in configs("--compare", "hold-share=4,8", *words[2:], *scenario):
        assert (config.policy, config.parameters.drain_every, config.scenario) == ("drain-every", 5, "held-completions")
        assert (config.channels, config.send_count, config.protocol, config.record) == (2, 101, "udp", False)
        assert config.settle_s == 1.5


def test_policies_that_are_named_are_a_second_axis() -> None:
    found = points("--compare", "optmem-max=20K,128K", "--policies", "qemu-pre,qemu-merged")
    assert [point.axes for point in found] == [
        {"policy": policy, "optmem-max": limit} for policy in ("qemu-pre", "qemu-merged") for limit in ("20K", "128K")
    ]


def test_a_preset_holds_for_every_point() -> None:
    line = ["compare", "--preset", "qemu-migration", "--compare", "optmem-max=20K,128K"]
    from zcprobe.cli.presets import expand

    options = expand(make_parser(("compare",)), line, parse(*line[1:]))
    axis = axis_of(options)
    assert axis is not None
    for point in points_of(plan_of(plan_content(options, axis, 7), plan_options()), make_run):
        config = point.making.benchmark.config
        assert (config.traffic.model, config.channels, config.socket.pacing_bps) == ("migration", 2, 2_100_000_000)


@pytest.mark.parametrize("words", [(), ("-l", "64K"), ("-l", "4K:1,64K:2"), ("-l", "4K,64K", "--traffic", "mixed")])
def test_without_an_axis_policies_are_compared(words: tuple[str, ...]) -> None:
    assert axis_of(parse(*words)) is None


def test_policies_may_be_named_as_an_axis_too() -> None:
    options = parse("--compare", "policy=qemu-pre,kill")
    assert axis_of(options) is None
    assert options.policies == "qemu-pre,kill"


@pytest.mark.parametrize(
    ("words", "needle", "hint"),
    [
        (("--compare", "zerocpy=on,off"), "'zerocpy'", "did you mean 'zerocopy'?"),
        (("--compare", "zerocopy"), "fewer than two values", "commas"),
        (("--compare", "zerocopy=on"), "fewer than two values", "commas"),
        (("--compare", "zerocopy=on,maybe"), "zerocopy[1]", "true or false"),
        (("--compare", "zerocopy=on,on"), "twice", "once"),
        (("--compare", "zerocopy=on,off", "--no-zerocopy"), "--no-zerocopy is what is compared", "once"),
        (("--compare", "length=4K,8K", "-l", "64K"), "--length is what is compared", "once"),
        (("--compare", "policy=kill,folly", "--policies", "grpc"), "--policies is what is compared", "once"),
        (("--compare", "set.drain_every=8,16", "--set", "drain_every=5"), "--set drain_every is what", "once"),
        (("--compare", "nics=a,b", "--link", "c,d"), "--nics is what is compared", "once"),
        (("--compare", "link=a,b", "--link", "c,d"), "nics with link[0]: nics and link are one option", "one of them"),
        (("--compare", "nagle=on,off", "-l", "4K,8K"), "two axes", "zcprobe campaign"),
        (("--compare", "nagle=on,off", "--overhead", "3"), "--overhead", "leave it out"),
        (("--compare", "nagle=on,off", "--fail-on-regression"), "--fail-on-regression needs", "--baseline NAME"),
        (("--compare", "nagle=on,off", "--baseline", "x"), "there is no baseline x", "--save-baseline"),
        (("--compare", "set.drain_every=8,16"), "set.drain_every[0]: no policy", "zcprobe policies"),
        (("--compare", "output=a,b"), "--compare does not know 'output'", "options of zcprobe run"),
        (("-l", "4K,x"), "length[1]", "64K"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_two_lines(
    words: tuple[str, ...],
    needle: str,
    hint: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *words]) == 2
    what, to_do = capsys.readouterr().err.splitlines()
    assert needle in what
    assert hint in to_do
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "effect"), [("12.5", 0.125), ("0", 0.0), ("10%", 0.1), ("100", 1.0), ("0.00001", 1e-7)]
)
def test_the_smallest_effect_that_matters_is_handed_on(given: str, effect: float) -> None:
    options = parse("--compare", "nagle=on,off", "--smallest-effect", given)
    axis = axis_of(options)
    assert axis is not None
    plan = plan_of(plan_content(options, axis, 7), plan_options())
    assert plan.settings.smallest_effect == pytest.approx(effect)
    assert plan.settings.seed == 7
