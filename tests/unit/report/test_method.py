# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.changed import changed_run, run_pair, run_with
from zcprobe.dataset.load import Comparison, Run
from zcprobe.dataset.option_words import describe_option
from zcprobe.dataset.options import OPTIONS
from zcprobe.format.calibration import Calibration
from zcprobe.format.intervals import Estimate
from zcprobe.format.overhead import LevelCost, Overhead
from zcprobe.report.method import method_rows

OVERHEAD = Overhead(65536, "tracepoint", 5, [LevelCost("timeline", [0.987], Estimate(5, 0.987, 0.975, 1.012), [])])


def own_cost(comparison: Comparison, **changes: object) -> str:
    changed = Comparison(Path("elsewhere"), replace(comparison.meta, **changes), comparison.runs)
    return dict(method_rows(changed))["own cost"]


def test_the_own_cost_is_what_the_comparison_measured(shipped: dict[str, Comparison]) -> None:
    text = own_cost(shipped["held-completions"], overhead=OVERHEAD)
    assert "0.987 [0.975 .. 1.012] at level timeline" in text
    assert "64 KiB sends" in text
    assert "by tracepoint, n = 5 rounds" in text


def test_where_it_was_not_measured_the_method_says_so(shipped: dict[str, Comparison]) -> None:
    for changes in ({}, {"overhead": None}):
        assert "not measured" in own_cost(shipped["held-completions"], **changes)


def method(comparison: Comparison, runs: list[Run] | None = None, **meta: object) -> str:
    changed = Comparison(Path("elsewhere"), replace(comparison.meta, **meta), comparison.runs if runs is None else runs)
    return "\n".join(f"{what}: {value}" for what, value in method_rows(changed))


def test_the_size_of_a_send_is_the_one_that_was_asked_for(shipped: dict[str, Comparison]) -> None:
    comparison = shipped["held-completions"]
    small = [changed_run(run, send_bytes=4096) for run in comparison.runs]
    assert small[0].meta.scenario.send_bytes == 65536
    assert "sends of 4 KiB, 4,000 writes on each channel, 1 channel" in method(comparison, small)
    assert "64 KiB," not in method(comparison, small).replace("optmem_max 64 KiB", "")


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_in_effect_is_told(name: str, shipped: dict[str, Comparison]) -> None:
    comparison = shipped["held-completions"]
    run = comparison.runs_of("qemu-pre")[0]
    before, after = run_pair(run, name)
    assert method(comparison, [before]) != method(comparison, [after])
    assert describe_option(name, after.options[name]) in method(comparison, [after])


def test_an_option_that_no_row_names_is_told_all_the_same(
    shipped: dict[str, Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zcprobe.report.method.OPTIONS", (*OPTIONS, "burst_bytes"))
    run = changed_run(shipped["in-order"].runs[0], burst_bytes=23 * 1024)
    assert "other options: burst 23 KiB" in method(shipped["in-order"], [run])


def test_what_was_calibrated_is_told_with_its_units(shipped: dict[str, Comparison]) -> None:
    run = shipped["in-order"].runs[0]
    calibration = Calibration(
        goodput_bps=23e9,
        duration_ns=10**8,
        sends=1009,
        charge_bytes=832,
        optmem_max_bytes=131072,
        notifications_max=157,
        read_bps=None,
    )
    told = method(shipped["in-order"], [run_with(run, calibration=calibration)])
    assert "calibration: goodput 23 Gbit/s, duration 100 ms, sends 1,009, 1 channel, charge 832 B," in told
    assert "notifications max 157\n" in told
    assert "calibration" not in method(shipped["in-order"])
