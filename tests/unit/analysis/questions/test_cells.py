# SPDX-License-Identifier: GPL-2.0-only
"""Which runs belong to a cell, and which of them count."""

import pytest
from msgspec.structs import replace

from tests.unit.analysis.questions.asked import held_options, kept_trials
from zcprobe.analysis.questions.cells import Cell, Trial, fill_cell


def test_a_cell_has_the_runs_with_its_options_whatever_their_amount() -> None:
    cell = fill_cell("x", {**held_options("qemu-pre"), "count": 17}, kept_trials(), is_about_speed=False)
    assert [(trial.block, trial.run.policy) for trial in cell.trials] == [(at, "qemu-pre") for at in range(1, 6)]
    assert cell.left_out == {}
    assert cell.what_is_missing is None


@pytest.mark.parametrize(
    "other",
    [
        {"policy": "grpc"},
        {"scenario": "in-flight"},
        {"length": "128K"},
        {"optmem-max": "128K"},
        {"channels": 2},
        {"wait-for": "both"},
        {"traffic": "migration"},
        {"dirty-rate": "100M"},
        {"set.drain_every": 8},
    ],
)
def test_other_options_are_another_cell(other: dict[str, str | int]) -> None:
    cell = fill_cell("x", {**held_options("qemu-pre"), **other}, kept_trials(), is_about_speed=False)
    assert cell.trials == []
    assert cell.what_is_missing == "0 valid runs of the 3 that are needed"


def test_runs_that_differ_in_what_no_cell_names_do_not_count() -> None:
    first, second, *_ = kept_trials()
    config = replace(second.run.meta.config, buffers="hugepages")
    second.run.meta = replace(second.run.meta, config=config)
    cell = fill_cell("x", held_options("qemu-pre"), [first, second], is_about_speed=False)
    assert cell.trials == []
    assert cell.made == [first.run, second.run]
    assert "hugepages" in str(cell.what_is_missing)


def _under_load(trial: Trial) -> Trial:
    host = replace(trial.run.meta.host, load_1min=99.0)
    trial.run.meta = replace(trial.run.meta, host=host)
    return trial


def test_load_matters_to_speed_alone() -> None:
    trials = [_under_load(trial) for trial in kept_trials()]
    calm: Cell = fill_cell("x", held_options("qemu-pre"), trials, is_about_speed=False)
    assert (len(calm.trials), calm.left_out) == (5, {})
    fast = fill_cell("x", held_options("qemu-pre"), trials, is_about_speed=True)
    assert (len(fast.trials), fast.left_out) == (0, {"load": 5})
    assert fast.what_is_missing == "0 valid runs of the 3 that are needed (5 left out: load)"
