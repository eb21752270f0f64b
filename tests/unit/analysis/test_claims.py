# SPDX-License-Identifier: GPL-2.0-only
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.changed import run_with
from zcprobe.analysis.claims import Point, claims_against, judged, noise_between, unpaired_claim, values_of
from zcprobe.dataset.load import Comparison, Run
from zcprobe.format.claims import Claim

Values = NDArray[np.float64]
Shape = Callable[[np.random.Generator, int], Values]
"""Makes factors around 1 for runs in the order in which they were made."""

GOODPUT_BPS = 3e9


@pytest.fixture(scope="module")
def one(shipped: dict[str, Comparison]) -> Run:
    """A completed run."""
    run = shipped["held-completions"].runs_of("qemu-merged")[0]
    assert run.sender.outcome == "completed"
    return run


def point(one: Run, factors: Values, **results: object) -> Point:
    """Runs of the blocks 1, 2, ..., whose goodput, CPU time and stalls differ from `one` by these factors."""
    return {
        block: run_with(
            one,
            results={
                "goodput_bps": GOODPUT_BPS * factor,
                "cpu_user_ns": round(one.sender.cpu_user_ns / factor),
                "cpu_system_ns": round(one.sender.cpu_system_ns / factor),
                "stall_ns_total": round(one.sender.duration_ns * (1 - 0.5 * min(factor, 1.5))),
                **results,
            },
        )
        for block, factor in enumerate(factors, 1)
    }


def of(claims: list[Claim], quantity: str) -> Claim:
    return next(claim for claim in claims if claim.quantity == quantity)


def even(random: np.random.Generator, count: int) -> Values:
    return random.normal(1, 0.02, count)


def skewed(random: np.random.Generator, count: int) -> Values:
    return random.lognormal(0, 0.3, count)


def with_outliers(random: np.random.Generator, count: int) -> Values:
    """A noisy neighbour takes half of the machine in one of eight runs."""
    return random.normal(1, 0.01, count) * np.where(random.random(count) < 0.125, 0.5, 1)


def of_two_speeds(random: np.random.Generator, count: int) -> Values:
    """A run has one of two speeds, as if its threads shared a core or did not."""
    return random.choice([1.0, 1.3], count) * random.normal(1, 0.005, count)


def drifting(random: np.random.Generator, count: int) -> Values:
    """The machine gets slower all the time."""
    return np.linspace(1.2, 0.8, count) * random.normal(1, 0.01, count)


def wandering(random: np.random.Generator, count: int) -> Values:
    return np.asarray(np.exp(np.cumsum(random.normal(0, 0.05, count))))


SHAPES: list[Shape] = [even, skewed, with_outliers, of_two_speeds, drifting, wandering]


def shuffled(random: np.random.Generator, factors: Values) -> tuple[Values, Values]:
    """Two points of which each block has one run, in a random order, as a plan makes them."""
    blocks = factors.reshape(-1, 2)
    swapped = random.permuted(blocks, axis=1)
    return swapped[:, 0], swapped[:, 1]


@pytest.mark.bulk
@pytest.mark.parametrize("blocks", [5, 11])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_policy_compared_with_itself_differs_in_at_most_four_of_forty(one: Run, shape: Shape, blocks: int) -> None:
    random = np.random.default_rng(16)
    found = 0
    for _ in range(40):
        left, right = shuffled(random, shape(random, 2 * blocks))
        claims = claims_against("left", {"left": point(one, left), "right": point(one, right)}, smallest_effect=0.0)
        assert {claim.quantity for claim in claims} > {"goodput_bps", "cpu_s_per_gb", "stalled_share"}
        found += any(claim.shown for claim in claims)
    assert found <= 4


@pytest.mark.parametrize(("shape", "blocks"), [(even, 5), (even, 11), (drifting, 11)])
def test_a_tenth_more_goodput_is_shown(one: Run, shape: Shape, blocks: int) -> None:
    random = np.random.default_rng(17)
    for _ in range(3):
        left, right = shuffled(random, shape(random, 2 * blocks))
        claims = claims_against("left", {"left": point(one, left), "right": point(one, 1.1 * right)})
        goodput, cpu = of(claims, "goodput_bps"), of(claims, "cpu_s_per_gb")
        assert (goodput.shown, goodput.better, goodput.why) == (True, True, None)
        assert goodput.effect == pytest.approx(0.1, abs=0.06)
        assert (cpu.shown, cpu.better) == (True, True)
        assert cpu.effect == pytest.approx(1 / (1 + goodput.effect) - 1, abs=1e-3)


def test_a_difference_below_the_noise_reads_no_difference_shown(one: Run) -> None:
    left = np.array([1.0, 1.2, 0.9, 1.1, 1.0])
    claim = of(claims_against("left", {"left": point(one, left), "right": point(one, 1.02 * left)}), "goodput_bps")
    assert claim.effect == pytest.approx(0.02)
    assert claim.noise is not None
    assert claim.noise > 0.02
    assert (claim.shown, claim.better) == (False, None)
    assert claim.text.startswith("goodput: no difference shown between left and right: that is within the noise")
    # rms of the A/A differences 0.2034, over the root of 2, by t = 2.776 of 4 degrees of freedom, by the root of 2/5
    assert "noise 29 %" in claim.text


@pytest.mark.parametrize(("smallest_effect", "shown"), [(0.05, False), (0.01, True)])
def test_a_difference_that_does_not_matter_is_not_shown(one: Run, smallest_effect: float, shown: bool) -> None:
    left = np.array([1.0, 1.001, 0.999, 1.0, 1.002])
    points = {"left": point(one, left), "right": point(one, 0.98 * left[::-1])}
    claim = of(claims_against("left", points, smallest_effect), "goodput_bps")
    assert claim.shown is shown
    assert claim.better is (False if shown else None)
    assert claim.why == (None if shown else "that is less than the 5 % that matter")


def test_a_drop_is_as_far_from_none_as_a_rise(one: Run) -> None:
    points = {"left": point(one, np.full(5, 1.25)), "right": point(one, np.full(5, 1.0))}
    down = of(claims_against("left", points), "goodput_bps")
    up = of(claims_against("right", points), "goodput_bps")
    assert [down.effect, up.effect] == pytest.approx([-0.2, 0.25])
    assert (down.shown, down.better, up.shown, up.better) == (True, False, True, True)


def test_too_few_runs_say_so(one: Run) -> None:
    points = {"left": point(one, np.array([1.0, 1.01, 0.99])), "right": point(one, np.array([2.0, 2.01, 1.99]))}
    claim = of(claims_against("left", points), "goodput_bps")
    assert claim.least_p == pytest.approx(0.1)
    assert claim.why == "3 runs are too few for 3 comparisons at once"


def test_many_comparisons_at_once_are_corrected_for(one: Run) -> None:
    random = np.random.default_rng(18)
    names = [f"point-{number}" for number in range(12)]
    points = {name: point(one, even(random, 5), stall_ns_total=0) for name in ["left", *names]}
    claims = claims_against("left", points)
    tested = [claim for claim in claims if not claim.is_constant]
    assert len(tested) == 2 * len(names)
    assert all(claim.p_corrected >= claim.p for claim in tested)
    assert max(claim.p_corrected / claim.p for claim in tested if claim.p < 0.5) > 2
    alone = judged([min(tested, key=lambda claim: claim.p)])[0]
    assert alone.p_corrected == alone.p


def test_values_that_are_all_equal_are_not_counted_as_a_comparison(one: Run) -> None:
    same = np.ones(5)
    claims = claims_against("left", {"left": point(one, same), "right": point(one, same)})
    assert all(claim.is_constant and claim.p_corrected == 1 for claim in claims)
    assert {claim.why for claim in claims} == {"all values are equal"}


def test_five_deaths_of_five_against_none_are_shown(one: Run) -> None:
    dead = point(one, np.ones(5), outcome="dead_enobufs")
    claims = claims_against("dead", {"dead": dead, "alive": point(one, np.ones(5))})
    assert [claim.quantity for claim in claims] == ["completed_share"]
    assert (claims[0].shown, claims[0].better, claims[0].effect) == (True, True, 1.0)
    assert claims[0].low is not None
    assert 0.3 < claims[0].low < 0.7
    assert claims[0].text.startswith("completed runs: alive is better than dead: +100 [+")


def test_only_blocks_in_which_both_have_a_value_are_paired(one: Run) -> None:
    left, right = dict(point(one, np.array([1.0, 1.1, 0.9, 1.0, 1.2]))), dict(point(one, np.ones(5)))
    right[3] = run_with(right[3], results={"outcome": "dead_enobufs"})
    del left[5]
    claim = of(claims_against("left", {"left": left, "right": right}), "goodput_bps")
    assert (claim.reference_count, claim.candidate_count) == (3, 3)
    assert 1 + claim.effect == pytest.approx((1 / 1.1) ** (1 / 3))


def test_an_interrupted_run_has_no_value(one: Run) -> None:
    runs = dict(point(one, np.ones(2)))
    runs[2] = run_with(runs[2], results={"outcome": "interrupted"})
    assert list(values_of(runs, "completed_share")) == [1]


def test_a_goodput_of_nothing_has_no_ratio(one: Run) -> None:
    assert values_of(point(one, np.ones(2), goodput_bps=0.0), "goodput_bps") == {}


def test_points_of_different_blocks_are_compared_unpaired(one: Run) -> None:
    before, after = (point(one, factors) for factors in (np.array([1, 1.01, 0.99, 1]), 0.5 * np.ones(6)))
    values = values_of(before, "goodput_bps"), values_of(after, "goodput_bps")
    claim = unpaired_claim("goodput_bps", ("before", "after"), values, values)
    assert claim is not None
    assert (claim.reference_count, claim.candidate_count) == (4, 6)
    assert judged([claim])[0].better is False
    assert unpaired_claim("goodput_bps", ("before", "after"), (values[0], {}), values) is None


def test_the_noise_is_that_of_all_points_together(one: Run) -> None:
    still, moving = point(one, np.ones(5)), point(one, np.array([1.0, 1.1, 1.0, 1.1, 1.0]))
    assert noise_between({"still": still})["goodput_bps"] == 0
    alone, both = (noise_between(points)["goodput_bps"] for points in ({"a": moving}, {"a": moving, "b": still}))
    assert 0 < both < alone
    assert noise_between({}) == {}
