# SPDX-License-Identifier: GPL-2.0-only
"""Runs against those of a baseline: what got worse, and whether that can be told."""

from collections.abc import Iterable, Iterator
from math import comb
from typing import Any

import msgspec

from zcprobe.analysis.claim_text import SIGNIFICANT, is_decidable
from zcprobe.analysis.claims import Point, Values, judged, scaled, unpaired_claim, values_of
from zcprobe.analysis.compared import Compared
from zcprobe.analysis.quantities import COMPARED
from zcprobe.analysis.validity import stamp_of
from zcprobe.dataset.option_words import describe_values
from zcprobe.dataset.options import HOST_IN_WAY, way_of
from zcprobe.errors import OutputError, UsageError
from zcprobe.format.baseline import Baseline, BaselinePoint
from zcprobe.format.claims import DEFAULT_SMALLEST_EFFECT, Claim, Stamp

__all__ = ["Judgement", "baseline_of", "fewest_runs", "judge_against", "require_points", "require_values"]

_MOST_NAMED = 5


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each point since the baseline. `remarks`: how the two hosts differ. `stamps`: of the baseline and
    of the runs now."""

    baseline: str
    saved_utc: str
    remarks: list[str]
    stamps: dict[str, Stamp]
    verdicts: list[Claim]

    @property
    def regressions(self) -> list[Claim]:
        return [claim for claim in self.verdicts if claim.better is False]

    @property
    def why_undecided(self) -> str | None:
        """Why nobody can tell that nothing regressed; None if it can be told."""
        invalid = [f"{whose}: {stamp.text}" for whose, stamp in self.stamps.items() if not stamp.valid]
        if invalid:
            return "; ".join(invalid)
        few = [claim for claim in self.verdicts if not is_decidable(claim)]
        if few:
            enough = fewest_runs(few[0].tested_count)
            return f"too few runs for {few[0].tested_count} comparisons at once: --repeats {enough} for both"
        return None


def fewest_runs(claim_count: int) -> int:
    """The fewest runs of each of two points with which one of so many claims can show a difference."""
    count = 2
    while 2 / comb(2 * count, count) * claim_count >= SIGNIFICANT:
        count += 1
    return count


def baseline_of(compared: Compared, name: str, saved_utc: str) -> Baseline:
    """What to keep of what was compared."""
    return Baseline(
        name=name,
        saved_utc=saved_utc,
        folder=compared.folder,
        title=compared.title,
        stamp=stamp_of(compared.runs),
        points={name: _kept(point) for name, point in compared.points.items() if point},
    )


def _kept(point: Point) -> BaselinePoint:
    blocks = range(1, max(point) + 1)
    known = {block: run for block, run in point.items() if run.sender.outcome != "interrupted"}
    values = {
        name: [quantity.value(known[block]) if block in known else None for block in blocks]
        for name, quantity in COMPARED.items()
    }
    return BaselinePoint(way=_way(point), values=values)


def _way(point: Point) -> dict[str, Any]:
    """As it is read back from JSON."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(way_of(next(iter(point.values())))))
    return found


def require_points(baseline: Baseline, names: Iterable[str]) -> None:
    """UsageError for a point that the baseline does not have."""
    missing = [name for name in names if name not in baseline.points]
    if missing:
        more = f", and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        raise UsageError(
            f"the baseline {baseline.name} has no runs of {'; '.join(missing[:_MOST_NAMED])}{more}",
            f"it has {'; '.join(list(baseline.points)[:_MOST_NAMED])}: compare those, or save another baseline",
        )


def require_values(baseline: Baseline) -> None:
    """OutputError for a value that no run can have."""
    for name, point in baseline.points.items():
        for quantity, values in point.values.items():
            wrong = [value for value in values if value is not None and not _can_be(quantity, value)]
            if wrong:
                raise OutputError(
                    f"the baseline {baseline.name} has a {quantity} of {wrong[0]:g} for {name}, which no run can have",
                    "make it again with --save-baseline",
                )


def _can_be(quantity: str, value: float) -> bool:
    return quantity not in COMPARED or COMPARED[quantity].can_be(value)


def judge_against(
    baseline: Baseline, compared: Compared, smallest_effect: float = DEFAULT_SMALLEST_EFFECT
) -> Judgement:
    """Every point against itself in the baseline; all claims are corrected at once.

    Hosts may differ, which the judgement says. UsageError for a point that the baseline lacks, and for runs that were
    made with other options.
    """
    points = {name: point for name, point in compared.points.items() if point}
    require_points(baseline, points)
    remarks = dict.fromkeys(remark for name, point in points.items() for remark in _remarks(baseline, name, point))
    found = [claim for name, point in points.items() for claim in _claims(baseline, name, point, smallest_effect)]
    return Judgement(
        baseline=baseline.name,
        saved_utc=baseline.saved_utc,
        remarks=list(remarks),
        stamps={f"baseline {baseline.name}": baseline.stamp, "now": stamp_of(compared.runs)},
        verdicts=judged(found),
    )


def _remarks(baseline: Baseline, name: str, point: Point) -> list[str]:
    then, now = baseline.points[name].way, _way(point)
    differing = [option for option in dict.fromkeys([*then, *now]) if then.get(option) != now.get(option)]
    told = {option: describe_values(option, [then.get(option), now.get(option)]) for option in differing}
    options = [text for option, text in told.items() if option not in HOST_IN_WAY]
    if options:
        raise UsageError(
            f"the runs of {name} in the baseline {baseline.name} were made in another way:"
            f" {'; '.join(options[:_MOST_NAMED])}",
            "compare with the options of the baseline, or save another baseline with those of now",
        )
    return [text for option, text in told.items() if option in HOST_IN_WAY]


def _claims(baseline: Baseline, name: str, point: Point, smallest_effect: float) -> Iterator[Claim]:
    for quantity in COMPARED:
        kept = baseline.points[name].values.get(quantity, [])
        then: Values = scaled(quantity, dict(enumerate(kept, 1)))
        now = values_of(point, quantity)
        names = (f"{name} in baseline {baseline.name}", name)
        claim = unpaired_claim(quantity, names, (then, now), [then, now], smallest_effect)
        if claim is not None:
            yield claim
