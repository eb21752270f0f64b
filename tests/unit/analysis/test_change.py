# SPDX-License-Identifier: GPL-2.0-only
"""Two sides of kept runs: what differs between them, and what is claimed of it."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from zcprobe.analysis.change import judge_change
from zcprobe.dataset.load import Run, load_comparison, load_runs
from zcprobe.errors import UsageError

KEPT = Path(__file__).parents[2] / "data" / "version_3"


def kept(*policies: str) -> list[Run]:
    return [run for run in load_comparison(KEPT / "held-completions").runs if run.policy in policies]


def slower(runs: list[Run], factor: float) -> list[Run]:
    """The same runs with another goodput."""
    for run in runs:
        goodput = run.sender.goodput_bps
        assert goodput is not None
        run.meta = replace(run.meta, sender=replace(run.meta.sender, goodput_bps=goodput * factor))
    return runs


def test_a_policy_is_compared_with_itself_and_a_large_change_is_shown() -> None:
    change = judge_change(kept("qemu-merged"), slower(kept("qemu-merged"), 0.1))
    assert change.differs == []
    (goodput,) = (claim for claim in change.verdicts if claim.quantity == "goodput_bps")
    assert (goodput.reference, goodput.candidate) == ("before", "after")
    assert goodput.effect == pytest.approx(-0.9)
    assert (goodput.shown, goodput.better) == (True, False)
    assert [claim.quantity for claim in change.verdicts if claim.shown] == ["goodput_bps"]


def test_a_change_within_the_noise_is_not_shown() -> None:
    change = judge_change(kept("qemu-merged"), slower(kept("qemu-merged"), 0.99))
    assert not any(claim.shown for claim in change.verdicts)


def test_one_policy_on_each_side_is_compared_with_the_other() -> None:
    change = judge_change(kept("qemu-pre"), kept("qemu-merged"))
    (completed,) = (claim for claim in change.verdicts if claim.quantity == "completed_share")
    assert (completed.reference, completed.candidate) == ("qemu-pre before", "qemu-merged after")
    assert (completed.effect, completed.better) == (1.0, True)
    assert (change.differs, change.left_out) == (["qemu-pre or qemu-merged"], [])


def test_of_several_policies_each_is_compared_with_itself() -> None:
    change = judge_change(kept("qemu-pre", "qemu-merged"), kept("qemu-merged", "qemu-shipped"))
    assert {(claim.reference, claim.candidate) for claim in change.verdicts} == {
        ("qemu-merged before", "qemu-merged after")
    }
    assert change.differs == []
    assert change.left_out == ["qemu-pre before", "qemu-shipped after"]


def test_what_differs_is_told() -> None:
    change = judge_change(kept("qemu-merged"), list(load_runs(KEPT / "no-probes")))
    told = "; ".join(change.differs)
    assert "held-completions or in-flight" in told
    assert "probes at level timeline or no probes" in told
    assert "qemu-merged" not in told
    assert change.stamps["before"].run_count == 5


def test_sides_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(UsageError, match="qemu-pre, qemu-shipped, those after qemu-merged"):
        judge_change(kept("qemu-pre", "qemu-shipped"), kept("qemu-merged"))
    mixed = [*kept("qemu-merged"), *load_runs(KEPT / "no-probes")]
    with pytest.raises(UsageError, match=r"cannot be put into one side \(after\)"):
        judge_change(kept("qemu-merged"), mixed)
