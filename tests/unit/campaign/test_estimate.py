# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.campaign.estimate import Clock, assumed_s
from zcprobe.cli.plan_options import make_run
from zcprobe.format.campaign import PointValue


def seconds(**options: PointValue) -> float:
    return assumed_s(make_run({name.replace("_", "-"): value for name, value in options.items()}).benchmark)


def test_a_run_that_is_limited_by_time_takes_that_time_and_a_little_more() -> None:
    assert 7 < seconds(scenario="in-order", time=7) < 9


def test_more_bytes_and_slower_paths_take_longer() -> None:
    few, many = seconds(scenario="in-order", count=1000), seconds(scenario="in-order", count=100_000)
    assert many > 5 * few
    assert seconds(scenario="in-order", count=100_000, bitrate="100M") > many
    assert seconds(scenario="in-flight", count=100_000) > seconds(scenario="in-order", count=100_000, length="512K")


def test_no_run_takes_longer_than_until_its_deadline() -> None:
    assert seconds(scenario="in-order", count=10**9, deadline=4) < 6


def test_the_default_number_of_sends_counts() -> None:
    assert seconds(scenario="in-order") > seconds(scenario="in-order", count=100)


def test_what_was_measured_replaces_what_was_assumed() -> None:
    clock = Clock({"a": 1.0, "b": 4.0})
    assert clock.sum_s(["a", "b", "b"]) == 9.0
    clock.learn("a", 2.0)
    clock.learn("a", 4.0)
    assert clock.expected_s("a") == 3.0
    assert clock.expected_s("b") == pytest.approx(12.0)  # a took three times as long as was assumed
    clock.learn("b", 5.0)
    assert clock.sum_s(["a", "b"]) == pytest.approx(8.0)
