# SPDX-License-Identifier: GPL-2.0-only
"""Numbers of an answer in words."""

from collections.abc import Callable, Iterable

from zcprobe.analysis.claim_text import effect_text
from zcprobe.analysis.quantities import COMPARED
from zcprobe.format.claims import Claim
from zcprobe.format.intervals import interval_text
from zcprobe.format.questions import Number
from zcprobe.units import format_bytes, format_duration_ns, format_rate_bps

__all__ = ["claim_words", "listed", "of_runs", "told"]

_UNITS: dict[str, Callable[[float], str]] = {
    "ns": format_duration_ns,
    "bytes": format_bytes,
    "bit/s": format_rate_bps,
    "share": lambda value: f"{100 * value:.3g} %",
}


def told(number: Number) -> str:
    """`5.2 ms [4.9 ms to 5.6 ms]`; only the value where all runs have the same."""
    show = _UNITS.get(number.unit, lambda value: f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}")
    low, high = (None, None) if number.low == number.high else (number.low, number.high)
    return interval_text(number.value, low, high, show, between="to")


def of_runs(number: Number) -> str:
    """A share of runs: `5 of 5 runs [57 % to 100 %]`."""
    low, share, high = (value or 0.0 for value in (number.low, number.value, number.high))
    return f"{round(share * number.n)} of {number.n} runs [{100 * low:.0f} % to {100 * high:.0f} %]"


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def claim_words(claim: Claim) -> str:
    """`goodput of watermark -20 [-25 .. -15] %`, or that no difference is shown."""
    what = f"{COMPARED[claim.quantity].words} of {claim.candidate}"
    if claim.shown:
        return f"{what} {effect_text(claim)}"
    return f"{what} {effect_text(claim)} (no difference shown: {claim.why})"
