# SPDX-License-Identifier: GPL-2.0-only
from zcprobe.analysis.timebase import origin_ns, outcome_time_s
from zcprobe.dataset.load import Comparison, Run


def test_without_recorded_sends_the_origin_is_nearly_the_same(shipped: dict[str, Comparison]) -> None:
    runs = [run for comparison in shipped.values() for run in comparison.runs if not run.kernel_events.empty]
    assert len(runs) >= 12
    for run in runs:
        without = Run(run.folder, run.meta)
        without.__dict__["sends"] = run.sends.iloc[:0]
        assert abs(origin_ns(without) - origin_ns(run)) < 0.05e9 * max(outcome_time_s(run), 0.01)


def test_nothing_recorded_has_an_origin(empty_run: Run) -> None:
    assert origin_ns(empty_run) == 0
