# SPDX-License-Identifier: GPL-2.0-only
"""Claims about the differences between points, each with its interval, the machine's noise, and a correction for all
claims that are made at once.

A point is runs that were made alike. A difference is shown if four things hold: the corrected p-value is below 0.05,
the interval excludes 0, the effect is larger than the noise, and it is at least the smallest effect that matters.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace
from scipy import stats

from zcprobe.analysis.claim_text import claim_text, what_is_missing
from zcprobe.analysis.difference import Difference, paired_difference, share_interval, unpaired_difference
from zcprobe.analysis.noise import Values, noise_of
from zcprobe.analysis.quantities import COMPARED
from zcprobe.dataset.run import Run
from zcprobe.format.claims import DEFAULT_SMALLEST_EFFECT, Claim

__all__ = ["Point", "Values", "claims_against", "judged", "noise_between", "scaled", "unpaired_claim", "values_of"]

Point = Mapping[int, Run]
"""Block -> run. Runs of different points are paired if they have the same block."""


def values_of(point: Point, quantity: str) -> dict[int, float]:
    """The values of a point's runs, on the scale on which differences are taken. Interrupted runs have none."""
    known = {block: run for block, run in point.items() if run.sender.outcome != "interrupted"}
    return scaled(quantity, {block: COMPARED[quantity].value(run) for block, run in known.items()})


def scaled(quantity: str, values: Mapping[int, float | None]) -> dict[int, float]:
    """Block -> value on that scale, of the blocks that have one."""
    found = {block: COMPARED[quantity].scaled(value) for block, value in values.items()}
    return {block: value for block, value in found.items() if value is not None}


def claims_against(
    reference: str, points: Mapping[str, Point], smallest_effect: float = DEFAULT_SMALLEST_EFFECT
) -> list[Claim]:
    """A claim for each point but the reference, and each quantity of which both have a value in one block at least.
    `points`: name -> runs, made in the same blocks. KeyError for a reference that is not among the points."""
    return judged(list(_paired_claims(reference, points, smallest_effect)))


def _paired_claims(reference: str, points: Mapping[str, Point], smallest_effect: float) -> Iterator[Claim]:
    series = {quantity: {name: values_of(point, quantity) for name, point in points.items()} for quantity in COMPARED}
    for candidate in points:
        for quantity, values in series.items():
            first, second = values[reference], values[candidate]
            blocks = sorted(first.keys() & second.keys())
            if blocks and candidate != reference:
                pair = [first[block] for block in blocks], [second[block] for block in blocks]
                names = (quantity, reference, candidate)
                yield _claim(names, pair, paired_difference(*pair), list(values.values()), smallest_effect)


def unpaired_claim(
    quantity: str,
    names: tuple[str, str],
    values: tuple[Values, Values],
    alike: Sequence[Values],
    smallest_effect: float = DEFAULT_SMALLEST_EFFECT,
) -> Claim | None:
    """A claim about two points that were not made in the same blocks, not judged yet; None if one has no value.
    `names` and `values` are those of the reference and of the candidate. `alike`: the values of every point of which
    the noise is to be computed."""
    pair = list(values[0].values()), list(values[1].values())
    if not pair[0] or not pair[1]:
        return None
    return _claim((quantity, *names), pair, unpaired_difference(*pair), alike, smallest_effect)


def _claim(
    names: tuple[str, str, str],
    pair: tuple[Sequence[float], Sequence[float]],
    found: Difference,
    alike: Sequence[Values],
    smallest_effect: float,
) -> Claim:
    """What was measured, before it is judged beside the other claims."""
    quantity = COMPARED[names[0]]
    low, high = share_interval(*pair) if quantity.is_binary else (found.low, found.high)
    noise = noise_of(alike, found.reference_count, found.candidate_count)
    return Claim(
        quantity=names[0],
        reference=names[1],
        candidate=names[2],
        is_relative=quantity.is_relative,
        reference_count=found.reference_count,
        candidate_count=found.candidate_count,
        effect=quantity.told(found.effect),
        low=None if low is None else quantity.told(low),
        high=None if high is None else quantity.told(high),
        test=found.test,
        p=found.p,
        least_p=found.least_p,
        is_constant=found.is_constant,
        noise=None if noise is None else quantity.told(noise),
        smallest_effect=smallest_effect,
    )


def judged(claims: Sequence[Claim]) -> list[Claim]:
    """The claims with their corrected p-values, judged. All claims that are made at once must be judged at once.

    The correction is that of Benjamini and Hochberg (scipy.stats.false_discovery_control): of the differences that are
    shown at most 5 % are expected to be none. Claims about constant values test nothing, and do not count.
    """
    tested = [claim for claim in claims if not claim.is_constant]
    corrected = iter(stats.false_discovery_control([claim.p for claim in tested]) if tested else ())
    counted = [replace(claim, tested_count=len(tested)) for claim in claims]
    return [_judged(one if one.is_constant else replace(one, p_corrected=float(next(corrected)))) for one in counted]


def _judged(claim: Claim) -> Claim:
    why = what_is_missing(claim)
    better = (claim.effect > 0) == COMPARED[claim.quantity].more_is_better if why is None else None
    known = replace(claim, shown=why is None, better=better, why=why)
    return replace(known, text=claim_text(known))


def noise_between(points: Mapping[str, Point]) -> dict[str, float]:
    """Quantity -> the noise of a comparison of two points with as many runs as the points have at most, as `Claim` has
    it. A quantity of which no two runs that were made alike have a value is left out."""
    count = max((len(point) for point in points.values()), default=0)
    found = {}
    for quantity in COMPARED:
        noise = noise_of([values_of(point, quantity) for point in points.values()], count, count) if count else None
        if noise is not None:
            found[quantity] = COMPARED[quantity].told(noise)
    return found
