# SPDX-License-Identifier: GPL-2.0-only
"""What follows from the runs of a question, on real runs; and that it does not follow from the wrong ones."""

import numpy as np
import pytest

from tests.unit.analysis.questions.asked import answer_by_counts, answer_with, kept_trials
from zcprobe.analysis.claims import claims_against
from zcprobe.format.questions import Number

RIGHT = {
    "Q1": {"qemu-pre": "qemu-pre", "qemu-merged": "qemu-merged"},
    "Q5": {
        "qemu-merged, held": "qemu-merged",
        "qemu-merged, in flight": "qemu-merged",
        "wait-progress, held": "qemu-merged",
        "qemu-v2, held": "qemu-shipped",
    },
    "Q6": {"qemu-merged": "qemu-merged", "qemu-v2": "qemu-shipped", "qemu-shipped": "qemu-shipped"},
}
"""Question -> label of a cell -> the policy of the kept runs that take its place."""

WRONG = {
    "Q1": {"qemu-pre": "qemu-merged", "qemu-merged": "qemu-pre"},
    "Q2": {"in order, acknowledged late": "qemu-pre", "out of order, clones held": "qemu-pre"},
    "Q5": {**RIGHT["Q5"], "qemu-v2, held": "qemu-merged"},
    "Q6": {"qemu-merged": "qemu-shipped", "qemu-v2": "qemu-merged", "qemu-shipped": "qemu-merged"},
    "Q7": {"clones held": "qemu-merged", "peer stops reading": "qemu-merged"},
    "Q12": {"clones held": "qemu-pre", "acknowledged late": "qemu-pre", "memlock of 256 KiB": "qemu-pre"},
}
"""The same with runs that do not show what the answer would say."""


def number(numbers: list[Number], quantity: str, cell: str) -> Number:
    (found,) = (one for one in numbers if (one.quantity, one.cell) == (quantity, cell))
    return found


@pytest.mark.parametrize("question", RIGHT)
def test_what_the_runs_show_is_answered(question: str) -> None:
    answered = answer_with(question, RIGHT[question])
    assert answered.conclusion is not None
    assert answered.answer.answered
    assert answered.answer.interval in answered.answer.numbers
    assert all(one.n == 5 for one in answered.answer.numbers)


@pytest.mark.parametrize("question", WRONG)
def test_what_the_runs_do_not_show_is_not_answered(question: str) -> None:
    answered = answer_with(question, WRONG[question])
    assert answered.conclusion is not None
    assert not answered.answer.answered
    assert "no" in answered.answer.answer.lower()


def test_the_numbers_are_those_of_the_runs() -> None:
    numbers = answer_with("Q1", RIGHT["Q1"]).answer.numbers
    sends = number(numbers, "sends", "qemu-pre")
    runs = [trial.run for trial in kept_trials() if trial.run.policy == "qemu-pre" and trial.run.scenario != "in-order"]
    assert sends.value == np.mean([run.sender.sends for run in runs])
    assert sends.value is not None
    assert sends.low is not None
    assert sends.high is not None
    assert min(run.sender.sends for run in runs) <= sends.low < sends.value < sends.high
    died = number(numbers, "dead_enobufs_share", "qemu-pre")
    assert (died.value, died.high, died.method) == (1.0, 1.0, "Wilson")
    assert died.low == pytest.approx(5 / (5 + 1.959964**2))  # Wilson's interval of five of five


def test_one_flush_was_enough_as_the_stalls_say() -> None:
    answered = answer_with("Q5", RIGHT["Q5"])
    runs = [trial.run for trial in kept_trials() if trial.run.policy == "qemu-merged"]
    writes = sum((run.stalls["enobufs_count"] > 0).sum() for run in runs)
    assert f"({2 * writes:,} writes)" in answered.answer.answer


def test_stalls_are_those_of_each_run() -> None:
    numbers = answer_with("Q7", WRONG["Q7"]).answer.numbers
    runs = [trial.run for trial in kept_trials() if trial.run.policy == "qemu-merged"]
    longest = np.mean([run.sender.stall_ns_max for run in runs])
    assert number(numbers, "stall_max_ns", "clones held").value == pytest.approx(longest)
    medians = np.mean([np.median(run.stalls["duration_ns"]) for run in runs])
    assert number(numbers, "stall_p50_ns", "clones held").value == pytest.approx(medians)


def test_the_policies_of_q8_are_judged_as_in_any_comparison() -> None:
    policies = {name: name for name in ("qemu-merged", "wait-progress", "watermark")}
    answered = answer_by_counts("Q8", {**policies, "qemu-lru-half": "drain-every"})
    claims = answered.answer.claims
    assert len(claims) == 6
    points = {label: cell.by_block for label, cell in answered.cells.items()}
    every = [one for one in claims_against("qemu-merged", points) if one.quantity in ("goodput_bps", "stalled_share")]
    assert [(one.candidate, one.effect, one.p) for one in claims] == [
        (one.candidate, one.effect, one.p) for one in every
    ]
    assert {one.tested_count for one in claims} == {sum(not one.is_constant for one in claims)}
    better = [one.candidate for one in claims if one.quantity == "goodput_bps" and one.better]
    assert answered.answer.answer.startswith("Yes" if better else ("In part", "Not shown"))


def test_q9_needs_a_sender_that_fails() -> None:
    skipping = {"qemu-merged": "qemu-merged", "folly": "folly", "copy-off": "folly", "ydb": "watermark"}
    answered = answer_by_counts("Q9", {**skipping, "qemu-pre": "qemu-pre"})
    assert answered.answer.answered
    assert answered.answer.answer.startswith("Skip it")
    assert not answer_by_counts("Q9", {**skipping, "qemu-pre": "folly"}).answer.answered


def test_q4_says_whether_reading_more_often_helped() -> None:
    often = {f"held, every {every}": "drain-every" for every in (8, 32, 128, 512)}
    flight = {"in flight, every 8": "drain-every", "in flight, at ENOBUFS": "drain-every"}
    answered = answer_by_counts("Q4", {**often, "held, at ENOBUFS": "wait-progress", **flight})
    assert "not shown to change" in answered.answer.answer
    values = {one.cell: one.value for one in answered.answer.numbers}
    runs = answered.cells["held, at ENOBUFS"].runs
    expected = np.mean([1000 * run.sender.enobufs_count / run.sender.sends for run in runs])
    assert values["held, at ENOBUFS"] == pytest.approx(expected)
    assert len({values[label] for label in often}) == 1
