# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.unit.changed import changed_run, run_with
from zcprobe.analysis.baseline import Judgement, baseline_of, fewest_runs, judge_against, require_values
from zcprobe.analysis.compared import compared_policies
from zcprobe.dataset.load import Comparison, load_comparison
from zcprobe.errors import OutputError, UsageError
from zcprobe.format.baseline import Baseline

FIVE = Path(__file__).parents[2] / "data" / "version_3" / "held-completions"


@pytest.fixture(scope="module")
def five() -> Comparison:
    return load_comparison(FIVE)


def kept(comparison: Comparison) -> Baseline:
    """The baseline as it is read back."""
    saved = baseline_of(compared_policies(comparison), "main", "2026-11-27T12:00:00+00:00")
    return msgspec.json.decode(msgspec.json.encode(saved), type=Baseline)


def slower(comparison: Comparison, factor: float) -> Comparison:
    """The comparison with so much of its goodput."""
    goodputs = [run.sender.goodput_bps or 0.0 for run in comparison]
    runs = [
        run_with(run, results={"goodput_bps": goodput * factor})
        for run, goodput in zip(comparison, goodputs, strict=True)
    ]
    return Comparison(comparison.folder, comparison.meta, runs)


def judged_now(before: Comparison, now: Comparison) -> Judgement:
    return judge_against(kept(before), compared_policies(now))


def regressed(judgement: Judgement) -> list[tuple[str, str]]:
    return [(claim.candidate, claim.quantity) for claim in judgement.regressions]


def test_the_same_runs_are_not_worse(five: Comparison) -> None:
    judgement = judge_against(kept(five), compared_policies(five))
    assert (judgement.regressions, judgement.why_undecided, judgement.remarks) == ([], None, [])
    assert all(claim.effect == 0 for claim in judgement.verdicts)
    assert {claim.candidate for claim in judgement.verdicts} == set(five.policies)


def test_half_of_the_goodput_is_a_regression_and_twice_is_none(five: Comparison) -> None:
    half, twice = (judged_now(five, slower(five, factor)) for factor in (0.5, 2.0))
    assert regressed(half) == [("qemu-merged", "goodput_bps")]
    assert half.regressions[0].effect == pytest.approx(-0.5)
    assert "qemu-merged is worse than qemu-merged in baseline main" in half.regressions[0].text
    assert regressed(twice) == []
    assert any(claim.better for claim in twice.verdicts)


def test_a_smaller_regression_than_matters_is_none(five: Comparison) -> None:
    assert regressed(judge_against(kept(five), compared_policies(slower(five, 0.5)), smallest_effect=0.6)) == []


def test_runs_that_die_now_are_a_regression(five: Comparison) -> None:
    runs = [run_with(run, results={"outcome": "dead_enobufs"}) for run in five.runs_of("qemu-merged")]
    now = Comparison(five.folder, five.meta, runs)
    assert regressed(judged_now(five, now)) == [("qemu-merged", "completed_share")]


def test_too_few_runs_cannot_tell(five: Comparison) -> None:
    few = Comparison(five.folder, five.meta, [run for policy in five.policies for run in five.runs_of(policy)[:3]])
    why = judged_now(few, few).why_undecided
    assert why is not None
    assert why.startswith("too few runs for")


@pytest.mark.parametrize(("claims", "runs"), [(1, 4), (2, 5), (6, 5), (7, 6), (23, 6), (24, 7)])
def test_the_fewest_runs_that_can_show_one_claim_of_many(claims: int, runs: int) -> None:
    assert fewest_runs(claims) == runs


def test_invalid_runs_cannot_tell_that_nothing_is_worse(five: Comparison) -> None:
    busy = [run_with(run, host=replace(run.meta.host, load_1min=99.0)) for run in five]
    judgement = judged_now(five, of(busy, five))
    assert judgement.why_undecided == "now: INVALID: load in 15 of 15 runs"


def test_other_options_are_refused_and_another_host_is_told(five: Comparison) -> None:
    with pytest.raises(UsageError, match=r"qemu-pre in the baseline main were made in another way: 1 channel or 2"):
        judged_now(five, of([changed_run(run, channels=2) for run in five], five))
    newer = [run_with(run, host=replace(run.meta.host, kernel_release="7.3.4")) for run in five]
    (remark,) = judged_now(five, of(newer, five)).remarks
    assert "7.3.4" in remark


def of(runs: list[Any], comparison: Comparison) -> Comparison:
    return Comparison(comparison.folder, comparison.meta, runs)


def test_a_policy_that_the_baseline_lacks_is_refused(five: Comparison) -> None:
    part = kept(of(five.runs_of("qemu-pre"), five))
    with pytest.raises(UsageError, match="no runs of qemu-shipped; qemu-merged"):
        judge_against(part, compared_policies(five))


@pytest.mark.parametrize(
    ("quantity", "value"),
    [("goodput_bps", -1.0), ("goodput_bps", 1e300), ("completed_share", 0.5), ("stalled_share", -1)],
)
def test_values_that_no_run_can_have_are_refused(five: Comparison, quantity: str, value: float) -> None:
    baseline = kept(five)
    require_values(baseline)
    baseline.points["qemu-merged"].values[quantity][0] = value
    with pytest.raises(OutputError, match=f"{quantity} of .* for qemu-merged, which no run can have"):
        require_values(baseline)


def test_interrupted_runs_are_not_kept_as_values(five: Comparison) -> None:
    runs = five.runs_of("qemu-merged")
    first = run_with(runs[0], results={"outcome": "interrupted"})
    values = kept(of([first, *runs[1:]], five)).points["qemu-merged"].values["goodput_bps"]
    assert (len(values), values.count(None)) == (5, 1)
