# SPDX-License-Identifier: GPL-2.0-only
"""The quantities that points are compared by: the value of a run, the scale of a difference, and what is better."""

from collections.abc import Callable
from math import expm1, log

import msgspec

from zcprobe.dataset.run import Run
from zcprobe.format.summary import SenderSummary

__all__ = ["COMPARED", "Quantity"]

_LEAST, _MOST = 1e-18, 1e18
"""Far beyond what a run can have, and ratios of these do not overflow."""


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """`is_relative`: a difference is a share of the reference, and values are compared by their logarithms; otherwise
    it is a difference of two shares. `is_binary`: the value of each run is 0 or 1. `value`: the value of a run, None if
    it has none to compare."""

    words: str
    is_relative: bool
    more_is_better: bool
    is_binary: bool = False
    value: Callable[[Run], float | None]

    def can_be(self, value: float) -> bool:
        """Whether a run can have that value; those of a file that somebody made up may be any."""
        if self.is_binary:
            return value in (0, 1)
        return value == 0 or _LEAST <= value <= _MOST

    def scaled(self, value: float | None) -> float | None:
        """A value on the scale on which differences are taken. A ratio to 0 has no meaning."""
        if value is None or not self.is_relative:
            return value
        return log(value) if value > 0 else None

    def told(self, difference: float) -> float:
        """A difference on that scale as `Claim` has it."""
        return expm1(difference) if self.is_relative else difference

    def text(self, effect: float, *interval: float) -> str:
        """An effect and the ends of its interval, as `Claim` has them, in the unit of the effect: `+5.2 [+3.1 .. +7] %`
        of the reference, `3.1 [2.9 .. 3.3] times` it where that is double or more, `+12 points` of a share."""
        if self.is_relative and effect >= 1:
            told, unit = [f"{1 + value:.3g}" for value in (effect, *interval)], "times"
        else:
            told = [f"{100 * value:+.3g}" for value in (effect, *interval)]
            unit = "%" if self.is_relative else "points"
        ends = f" [{' .. '.join(told[1:])}]" if interval else ""
        return f"{told[0]}{ends} {unit}"

    def size_text(self, told: float) -> str:
        """The same without a sign, for noise and for the smallest effect that matters."""
        return f"{100 * told:.2g} {'%' if self.is_relative else 'points'}"


def _completed(run: Run) -> float | None:
    return float(run.sender.outcome == "completed")


def _of_completed(value: Callable[[SenderSummary], float | None]) -> Callable[[Run], float | None]:
    """The value of a run that completed: that of a run that died covers only its short, unhindered start."""
    return lambda run: value(run.sender) if run.sender.outcome == "completed" else None


def _sends_before_enobufs(run: Run) -> float | None:
    return float(run.sender.sends) if run.sender.outcome == "dead_enobufs" else None


def _cpu_s_per_gb(sender: SenderSummary) -> float | None:
    return (sender.cpu_user_ns + sender.cpu_system_ns) / sender.bytes_sent if sender.bytes_sent else None


def _stalled_share(run: Run) -> float | None:
    """Of the time of all channels."""
    if run.sender.outcome != "completed" or not run.sender.duration_ns:
        return None
    return run.sender.stall_ns_total / (run.sender.duration_ns * run.meta.config.channels)


COMPARED = {
    "completed_share": Quantity(
        words="completed runs", is_relative=False, is_binary=True, more_is_better=True, value=_completed
    ),
    "sends_before_enobufs": Quantity(
        words="sends until ENOBUFS", is_relative=True, more_is_better=True, value=_sends_before_enobufs
    ),
    "goodput_bps": Quantity(
        words="goodput", is_relative=True, more_is_better=True, value=_of_completed(lambda sender: sender.goodput_bps)
    ),
    "cpu_s_per_gb": Quantity(
        words="CPU time per gigabyte", is_relative=True, more_is_better=False, value=_of_completed(_cpu_s_per_gb)
    ),
    "stalled_share": Quantity(
        words="share of the time stalled", is_relative=False, more_is_better=False, value=_stalled_share
    ),
}
"""Name -> quantity, in the order of tables. All but the first two are those of completed runs."""
