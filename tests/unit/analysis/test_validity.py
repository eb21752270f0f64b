# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.changed import run_with
from zcprobe.analysis.validity import LEAST_SECONDS, reasons_of, stamp_of
from zcprobe.dataset.load import Comparison, Run, load_run
from zcprobe.format.findings import Finding, RunWarning

DATA = Path(__file__).parents[2] / "data" / "version_3"


@pytest.fixture(scope="module")
def good(shipped: dict[str, Comparison]) -> Run:
    run = shipped["held-completions"].runs_of("qemu-merged")[0]
    return on_load(run, 1.8)


def on_load(run: Run, load: float | None, **members: Any) -> Run:
    """The run as if the load average had been this on two CPUs."""
    return run_with(run, host=replace(run.meta.host, load_1min=load, cpu_count=2), **members)


def ids(run: Run) -> list[str]:
    return [reason.id for reason in reasons_of(run.meta)]


def test_a_run_without_a_flaw_is_valid(good: Run) -> None:
    assert ids(good) == []
    assert stamp_of([good]).text == "VALID"
    assert stamp_of([]).valid


@pytest.mark.parametrize(("duration_s", "expected"), [(LEAST_SECONDS, []), (LEAST_SECONDS - 0.001, ["too-short"])])
def test_a_completed_run_must_last(good: Run, duration_s: float, expected: list[str]) -> None:
    assert ids(run_with(good, results={"duration_ns": round(duration_s * 1e9)})) == expected


def test_a_run_that_died_early_is_a_result(good: Run) -> None:
    assert ids(run_with(good, results={"duration_ns": 1000, "outcome": "dead_enobufs"})) == []
    assert ids(run_with(good, results={"outcome": "interrupted"})) == ["interrupted"]


def test_load_is_that_of_others(good: Run) -> None:
    assert ids(on_load(good, 3.01)) == ["load"]
    assert ids(on_load(good, None)) == []
    four = replace(good.meta.config, channels=4)
    assert ids(on_load(good, 9.0, config=four)) == []
    assert ids(on_load(good, 9.1, config=four)) == ["load"]


def test_lost_events_and_counts_that_differ_are_told_apart(good: Run) -> None:
    lost = Finding("events", 5, 4, holds=False, kind="lost")
    assert ids(run_with(good, results={"lost_events": 1}, complete=False, reconciliation=[lost])) == ["lost-events"]
    assert ids(run_with(good, results={"lost_records": 1}, complete=False)) == ["lost-events"]
    assert ids(run_with(good, missed_runs={"on_consume_skb": 2}, complete=False)) == ["missed-runs"]
    differing = run_with(good, complete=False, reconciliation=[Finding("completions", 5, 4, holds=False)])
    assert ids(differing) == ["counts-differ"]
    assert reasons_of(differing.meta)[0].detail == "completions"
    assert ids(run_with(good, complete=False)) == ["counts-differ"]


@pytest.mark.parametrize(
    "warning", ["sender-stopped", "sink-stopped", "not-pinned", "lab-gone", "sink-silent", "damaged"]
)
def test_a_disturbance_is_a_reason(good: Run, warning: str) -> None:
    assert ids(run_with(good, warnings=[RunWarning(warning, "what happened")])) == [warning]


def test_what_a_scenario_is_about_is_no_flaw(good: Run) -> None:
    assert ids(run_with(good, warnings=[RunWarning("not-a-control", "ENOBUFS")])) == []


def test_the_stamp_counts_the_runs_with_each_reason(good: Run) -> None:
    short = run_with(good, results={"duration_ns": 1000})
    stamp = stamp_of([good, short, on_load(short, 5.0)])
    assert stamp.text == "INVALID: too short in 2 of 3 runs, load in 1 of 3 runs"
    assert (stamp.valid, stamp.run_count) == (False, 3)
    assert stamp_of([short]).text == "INVALID: too short"


def test_an_attachment_has_no_length_and_no_sender_to_judge() -> None:
    kept = next((DATA / "attachments").glob("*/run.json")).parent
    watched = load_run(kept, allow_incomplete=True, allow_lost=True)
    calm = replace(watched.meta, host=replace(watched.meta.host, load_1min=1.0), complete=True)
    assert reasons_of(calm) == []
    busy = replace(calm, host=replace(calm.host, load_1min=100.0))
    assert [reason.id for reason in reasons_of(busy)] == ["load"]
