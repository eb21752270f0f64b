# SPDX-License-Identifier: GPL-2.0-only
"""Every plan that zcprobe brings along can be carried out, and is what it says."""

import pytest

from zcprobe.campaign.built_in import BUILT_IN
from zcprobe.campaign.plan_file import plan_of
from zcprobe.campaign.points import PlannedPoint, points_of
from zcprobe.cli.plan_options import make_run, plan_options
from zcprobe.errors import UsageError


def points(name: str, *, quick: bool) -> list[PlannedPoint]:
    return points_of(plan_of(BUILT_IN[name].make(quick, None), plan_options()), make_run)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_plan_is_made_quick_and_thorough(name: str) -> None:
    assert 1 < len(points(name, quick=True)) <= len(points(name, quick=False))
    assert BUILT_IN[name].text


def test_the_crossover_has_twelve_sizes_in_both_ways() -> None:
    found = points("crossover", quick=False)
    configs = [point.making.benchmark.config for point in found]
    assert len({config.send_bytes for config in configs}) == 12
    assert {(config.send_bytes, config.zerocopy) for config in configs} == {
        (config.send_bytes, zerocopy) for config in configs for zerocopy in (True, False)
    }
    assert len(configs) == 24
    assert {(config.scenario, config.probe_level, config.record) for config in configs} == {("in-order", "off", True)}


def test_the_crossover_has_no_part_that_could_be_named() -> None:
    with pytest.raises(UsageError, match="no part"):
        BUILT_IN["crossover"].make(True, "Q1")
