from zcprobe.dataset.load import Comparison, Run
from zcprobe.report.html import render_report
from zcprobe.report.parts import as_comparisons, comparison_of


def _changed(run: Run, **config: object) -> Run:
    return Run(run.folder, {**run.meta, "config": {**run.meta["config"], **config}})


def test_runs_of_a_comparison_stay_together(shipped: dict[str, Comparison]) -> None:
    comparison = shipped["held-completions"]
    (part,) = as_comparisons(comparison.runs)
    assert part.runs == comparison.runs
    for policy, stored in comparison.meta["policies"].items():
        made = part.meta["policies"][policy]
        # medians of quantities that came later are not in the file
        assert {**made, "medians": {name: made["medians"][name] for name in stored["medians"]}} == stored
    assert set(part.policies) == set(comparison.policies)


def test_runs_made_in_different_ways_do_not(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs[0]
    others = [_changed(run, parameters={"every": 23}), _changed(run, optmem_max_bytes=20480), run]
    parts = as_comparisons(others + shipped["in-flight"].runs)
    assert [len(part.runs) for part in parts] == [2, 1, 3]


def test_what_was_not_planned_has_no_seed_and_says_so(shipped: dict[str, Comparison]) -> None:
    comparison = comparison_of(shipped["in-order"].runs[:2])
    text = render_report([comparison], comparison.folder)
    assert "of no planned comparison" in text
    assert "drift may hit policies unalike" in text
    assert "seed of the order" not in text
    assert "comparison.json" not in text


def test_noise_is_told_from_the_runs(shipped: dict[str, Comparison]) -> None:
    comparison = shipped["no-probes"]
    rates = [run.summary["goodput_bps"] for run in comparison.runs_of("qemu-merged")]
    text = render_report([comparison], comparison.folder)
    # of two runs the median is the middle
    assert f"qemu-merged {(max(rates) - min(rates)) / (sum(rates) / 2):.0%}" in text
