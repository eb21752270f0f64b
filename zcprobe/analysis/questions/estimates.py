# SPDX-License-Identifier: GPL-2.0-only
"""Numbers of a cell with their intervals. The run is the unit."""

from collections.abc import Callable, Sequence

import numpy as np

from zcprobe.analysis.claims import claims_against, judged
from zcprobe.analysis.difference import mean_interval, wilson_interval
from zcprobe.analysis.questions.cells import Cell
from zcprobe.analysis.questions.question import Cells, Series
from zcprobe.dataset.run import Run
from zcprobe.format.claims import Claim
from zcprobe.format.questions import Number

__all__ = ["apart", "died_share", "effect_of", "mean_of", "policy_claims", "series_of", "share_of"]


def mean_of(quantity: str, unit: str, cell: Cell, value: Callable[[Run], float | None]) -> Number:
    """The mean of the runs that have the value, with its BCa interval."""
    values = cell.values(value)
    low, high, method = mean_interval((np.asarray(values, np.float64),)) if values else (None, None, "none")
    mean = float(np.mean(values)) if values else None
    return Number(
        quantity=quantity, cell=cell.label, value=mean, low=low, high=high, unit=unit, n=len(values), method=method
    )


def share_of(quantity: str, cell: Cell, holds: Callable[[Run], bool]) -> Number:
    """The share of the runs for which something holds, with Wilson's interval: five of five are not certain."""
    low, share, high = wilson_interval([float(holds(run)) for run in cell.runs])
    return Number(
        quantity=quantity,
        cell=cell.label,
        value=share,
        low=low,
        high=high,
        unit="share",
        n=len(cell.runs),
        method="Wilson",
    )


def died_share(cell: Cell) -> Number:
    """The share of the runs that ended with ENOBUFS."""
    return share_of("dead_enobufs_share", cell, lambda run: run.sender.outcome == "dead_enobufs")


def apart(first: Number, second: Number) -> bool:
    """Whether the intervals do not overlap, which is stricter than a test of the difference."""
    if None in (first.low, first.high, second.low, second.high):
        return False
    return bool(first.high < second.low or second.high < first.low)  # type: ignore[operator]


def policy_claims(reference: str, cells: Cells, quantities: Sequence[str]) -> list[Claim]:
    """A claim for each other cell and quantity, judged together and beside no others."""
    claims = claims_against(reference, {label: cell.by_block for label, cell in cells.items()})
    return judged([claim for claim in claims if claim.quantity in quantities])


def effect_of(claim: Claim) -> Number:
    """The difference that the claim is about."""
    return Number(
        quantity=f"{claim.quantity}_effect",
        cell=f"{claim.candidate} against {claim.reference}",
        value=claim.effect,
        low=claim.low,
        high=claim.high,
        unit="share of the reference" if claim.is_relative else "difference of shares",
        n=min(claim.reference_count, claim.candidate_count),
        method="BCa",
    )


def series_of(
    title: str,
    unit: str,
    cells: Cells,
    value: Callable[[Run], float | None],
    numbers: Sequence[Number],
    scale: float = 1,
) -> Series:
    """The panel with a row for each of the numbers, which are those of cells."""
    rows = [(number.cell, cells[number.cell].values(value), number) for number in numbers]
    return Series(title=title, unit=unit, rows=rows, scale=scale)
