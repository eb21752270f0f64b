# SPDX-License-Identifier: GPL-2.0-only
"""What is claimed of the difference between two points, and whether the runs behind it can be relied on: the members
`verdicts`, `noise` and `stamp` of comparison.json and campaign.json."""

from typing import Literal

import msgspec

__all__ = ["DEFAULT_SMALLEST_EFFECT", "Claim", "Stamp"]

DEFAULT_SMALLEST_EFFECT = 0.05
"""The smallest effect that matters if nobody says another: 5 %, or 5 points of a share."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity of the candidate against that of the reference.

    `is_relative`: `effect`, `low`, `high`, `noise` and `smallest_effect` are shares of the reference's value (0.05 is
    5 % more); otherwise they are differences of two shares (0.05 is 5 points more). `low` and `high` are the 95 %
    interval, None with a single run. `reference_count`, `candidate_count`: runs with a value. `test`: whether the
    permutation test exchanged the two runs of a block (`blocks`) or any runs (`runs`). `least_p`: the smallest p-value
    that so few runs can give; `p_corrected` accounts for all `tested_count` claims that were tested at once.
    `is_constant`: all values are equal, so there was nothing to test. `noise`: what 95 % of A/A comparisons of so many
    runs stay below, None where no two runs were made alike. `shown`: whether a difference is shown; `better`: whether
    it is one for the better, None if none is shown. `why` says what a difference lacks to be shown, None if it is
    shown.
    """

    quantity: str
    reference: str
    candidate: str
    is_relative: bool
    reference_count: int
    candidate_count: int
    effect: float
    low: float | None
    high: float | None
    test: Literal["blocks", "runs"]
    p: float
    least_p: float
    is_constant: bool
    noise: float | None
    smallest_effect: float
    tested_count: int = 0
    p_corrected: float = 1.0
    shown: bool = False
    better: bool | None = None
    why: str | None = None
    text: str = ""


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """Whether runs can be relied on. `why`: a phrase for each reason why not, with the number of runs."""

    valid: bool
    run_count: int
    why: list[str]

    @property
    def text(self) -> str:
        return "VALID" if self.valid else f"INVALID: {', '.join(self.why)}"
