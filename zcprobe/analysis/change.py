# SPDX-License-Identifier: GPL-2.0-only
"""Runs before and after some change: what differs in how they were made, and what that did."""

from collections.abc import Iterator, Sequence

import msgspec

from zcprobe.analysis.alike import require_comparable
from zcprobe.analysis.claims import judged, unpaired_claim, values_of
from zcprobe.analysis.quantities import COMPARED
from zcprobe.analysis.validity import stamp_of
from zcprobe.dataset.option_words import describe_values
from zcprobe.dataset.options import differing
from zcprobe.dataset.run import Run
from zcprobe.errors import UsageError
from zcprobe.format.claims import DEFAULT_SMALLEST_EFFECT, Claim, Stamp

__all__ = ["Change", "judge_change"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """`differs`: what the runs do not have in common, a phrase for each option or fact of the host. `left_out`: the
    policies that one side alone has, and which. `stamps`: `before` and `after` -> whether these runs can be relied
    on."""

    differs: list[str]
    left_out: list[str]
    stamps: dict[str, Stamp]
    verdicts: list[Claim]


def judge_change(
    before: Sequence[Run], after: Sequence[Run], smallest_effect: float = DEFAULT_SMALLEST_EFFECT
) -> Change:
    """Each policy after against itself before; one policy against the other where each side has only one. All claims
    are judged at once. They are not paired: the runs were not made in the same blocks.

    UsageError for a side whose runs are not alike but for the policy, and for sides without a policy in common.
    """
    for runs, side in ((before, "before"), (after, "after")):
        require_comparable(runs, f"one side ({side})")
    pairs = _pairs(before, after)
    found = [differing([*then[1], *now[1]]) for then, now in pairs]
    claims = [claim for then, now in pairs for claim in _claims(then, now, smallest_effect)]
    return Change(
        differs=list(dict.fromkeys(describe_values(name, values) for one in found for name, values in one.items())),
        left_out=_left_out(before, after, pairs),
        stamps={"before": stamp_of(before), "after": stamp_of(after)},
        verdicts=judged(claims),
    )


_Side = tuple[str, list[Run]]


def _pairs(before: Sequence[Run], after: Sequence[Run]) -> list[tuple[_Side, _Side]]:
    then, now = _policies(before), _policies(after)
    if len(then) == len(now) == 1:
        named = then != now
        return [(_side(before, then[0], "before", named=named), _side(after, now[0], "after", named=named))]
    common = [policy for policy in then if policy in now]
    if not common:
        raise UsageError(
            f"the runs before have the policies {', '.join(then)}, those after {', '.join(now)}",
            "name folders that have a policy in common",
        )
    return [
        (_side(before, policy, "before", named=True), _side(after, policy, "after", named=True)) for policy in common
    ]


def _policies(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(run.policy for run in runs))


def _left_out(before: Sequence[Run], after: Sequence[Run], pairs: Sequence[tuple[_Side, _Side]]) -> list[str]:
    compared = {run.policy for pair in pairs for _, runs in pair for run in runs}
    sides = {"before": before, "after": after}
    return [f"{policy} {when}" for when, runs in sides.items() for policy in _policies(runs) if policy not in compared]


def _side(runs: Sequence[Run], policy: str, when: str, *, named: bool) -> _Side:
    return f"{policy} {when}" if named else when, [run for run in runs if run.policy == policy]


def _claims(before: _Side, after: _Side, smallest_effect: float) -> Iterator[Claim]:
    points = [dict(enumerate(runs, 1)) for _, runs in (before, after)]
    for quantity in COMPARED:
        then, now = (values_of(point, quantity) for point in points)
        claim = unpaired_claim(quantity, (before[0], after[0]), (then, now), [then, now], smallest_effect)
        if claim is not None:
            yield claim
