# SPDX-License-Identifier: GPL-2.0-only
"""Zerocopy against copying in several quantities, from shipped runs and from runs with known numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.changed import changed_run, run_with
from zcprobe.analysis.completion_latency import df_completion_latency
from zcprobe.analysis.crossover import df_crossover
from zcprobe.analysis.crossover_quantities import CROSSOVER_QUANTITIES, crossed
from zcprobe.dataset.load import Comparison, Run, load_collection

DATA = Path(__file__).parents[2] / "data"
WHOLE = load_collection(DATA / "version_1" / "campaigns" / "crossover").runs


def pair(run: Run, **results: Any) -> list[Run]:
    """The run, and the same made without zerocopy in half the CPU time."""
    copy = changed_run(run, zerocopy=False)
    return [
        run_with(run, results=results),
        run_with(copy, results={"cpu_user_ns": run.sender.cpu_user_ns // 2, "cpu_system_ns": 0}),
    ]


def test_goodput_is_that_of_df_crossover() -> None:
    own = crossed(WHOLE).table.query("quantity == 'goodput_bps'")
    other = df_crossover(WHOLE)
    assert own["ratio"].tolist() == other["ratio"].tolist()
    assert own["zerocopy"].tolist() == other["zerocopy_bps"].tolist()
    assert (own["zerocopy_low"] <= own["zerocopy"]).all()


def test_every_quantity_that_both_sides_have_has_a_crossover() -> None:
    assert [point.quantity for point in crossed(WHOLE).points] == ["goodput_bps", "cpu_s_per_gb"]  # no tables


def test_latencies_come_from_the_tables_of_the_runs(comparison: Comparison) -> None:
    run = next(run for run in comparison if run.sender.outcome == "completed")
    table = crossed(pair(run)).table.set_index("quantity")
    assert set(table.index) == {name for one in CROSSOVER_QUANTITIES for name in one.words}
    sends = run.sends.query("taken_bytes > 0")["latency_ns"]
    assert table.loc["send_p99_ns", "zerocopy"] == pytest.approx(np.quantile(sends, 0.99))
    latencies = df_completion_latency(run)["latency_ns"].dropna()
    assert table.loc["completion_p50_ns", "zerocopy"] == pytest.approx(np.quantile(latencies, 0.5))
    assert table.loc["send_p50_ns", "ratio"] == 1


@pytest.mark.parametrize(("share", "words"), [(1.0, "every completion was copied"), (0.5, "50 % of all"), (0.0, "")])
def test_copied_completions_are_told(share: float, words: str) -> None:
    run = WHOLE[0]
    found = crossed(pair(run, completions=1000, copied_completions=int(1000 * share)))
    assert found.copied_share == share
    assert words in (found.warning or "")
    assert bool(found.warning) == bool(words)


def test_no_runs_have_no_crossover() -> None:
    found = crossed([])
    assert found.table.empty
    assert (found.points, found.copied_share, found.warning) == ([], None, None)
