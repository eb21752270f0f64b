# SPDX-License-Identifier: GPL-2.0-only
"""A claim in words: one sentence, and what a difference lacks to be shown."""

from zcprobe.analysis.quantities import COMPARED
from zcprobe.format.claims import Claim
from zcprobe.format.intervals import CONFIDENCE

__all__ = [
    "SIGNIFICANT",
    "claim_text",
    "count_text",
    "effect_text",
    "is_decidable",
    "noise_text",
    "p_text",
    "verdict_text",
    "what_is_missing",
]

SIGNIFICANT = 1 - CONFIDENCE
"""A p-value below this shows a difference."""


def is_decidable(claim: Claim) -> bool:
    """Whether there are enough runs to show a difference however large, beside so many other claims. Constant values
    show that there is none."""
    return claim.is_constant or claim.least_p * claim.tested_count < SIGNIFICANT


def what_is_missing(claim: Claim) -> str | None:
    """Why no difference is shown; None if one is."""
    if claim.is_constant:
        return "all values are equal"
    if claim.p_corrected >= SIGNIFICANT and not is_decidable(claim):
        return f"{count_text(claim)} runs are too few for {claim.tested_count} comparisons at once"
    if claim.noise is None:
        return "no two runs were made alike, so the noise is not known"
    if _is_within(claim, claim.noise):
        return "that is within the noise"
    if claim.p_corrected >= SIGNIFICANT:
        return f"chance makes one as large with {p_text(claim)}"
    if claim.low is None or claim.high is None or claim.low <= 0 <= claim.high:
        return "the interval includes none"
    if abs(claim.effect) < claim.smallest_effect:
        return f"that is less than the {_size(claim, claim.smallest_effect)} that matter"
    return None


def _is_within(claim: Claim, noise: float) -> bool:
    """Whether the effect is not larger than the noise. A ratio of 0.8 is as far from 1 as one of 1.25."""
    if claim.is_relative and claim.effect < 0:
        return 1 / (1 + claim.effect) - 1 <= noise
    return abs(claim.effect) <= noise


def count_text(claim: Claim) -> str:
    """The number of runs of each, `5`, or of reference and candidate, `5 and 4`."""
    return " and ".join(map(str, dict.fromkeys((claim.reference_count, claim.candidate_count))))


def _size(claim: Claim, told: float) -> str:
    return COMPARED[claim.quantity].size_text(told)


def p_text(claim: Claim) -> str:
    """`p = 0.016`, corrected."""
    return f"p = {claim.p_corrected:.2g}"


def noise_text(claim: Claim) -> str:
    """The A/A noise beside the claim; `-` where it is not known."""
    return "-" if claim.noise is None else _size(claim, claim.noise)


def effect_text(claim: Claim) -> str:
    """The effect and its interval: `+5.2 [+3.1 .. +7] %`."""
    interval = () if claim.low is None or claim.high is None else (claim.low, claim.high)
    return COMPARED[claim.quantity].text(claim.effect, *interval)


def verdict_text(claim: Claim) -> str:
    """`better`, `worse`, or `no difference shown` and why."""
    return ("better" if claim.better else "worse") if claim.shown else f"no difference shown: {claim.why}"


def claim_text(claim: Claim) -> str:
    """One sentence with the effect, its interval, the noise, the p-value and the number of runs."""
    words = COMPARED[claim.quantity].words
    numbers = f"{effect_text(claim)}, noise {noise_text(claim)}, {p_text(claim)}, n = {count_text(claim)}"
    if claim.shown:
        return (
            f"{words}: {claim.candidate} is {'better' if claim.better else 'worse'} than {claim.reference}: {numbers}."
        )
    between = f"no difference shown between {claim.reference} and {claim.candidate}"
    return f"{words}: {between}: {claim.why} ({numbers})."
