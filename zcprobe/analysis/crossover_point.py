# SPDX-License-Identifier: GPL-2.0-only
"""The size of a send from which zerocopy is better than copying in one quantity, with its uncertainty."""

from collections.abc import Mapping, Sequence
from math import inf

import msgspec
import numpy as np
from numpy.typing import NDArray

from zcprobe.format.intervals import CONFIDENCE
from zcprobe.units import format_bytes

__all__ = ["CrossoverPoint", "crossover_point"]

_RESAMPLES = 2000

Values = NDArray[np.float64]
Sides = tuple[Sequence[float], Sequence[float]]
"""The values of the runs with zerocopy, and of those that copied."""


class CrossoverPoint(msgspec.Struct, frozen=True, kw_only=True):
    """`from_bytes`: the size above which zerocopy is better at every size that was measured, interpolated between two
    of them; 0 if it is better from the smallest one on, None if it is not at the largest. `low_bytes`, `high_bytes`:
    the 95 % interval in the same form, without `has_interval` they say nothing. `run_count`: the smallest number of
    runs of a size and side."""

    quantity: str
    from_bytes: int | None
    low_bytes: int | None
    high_bytes: int | None
    has_interval: bool
    smallest_bytes: int
    largest_bytes: int
    run_count: int

    @property
    def text(self) -> str:
        """`zerocopy wins from 15 KiB on [12 KiB .. 22 KiB]`."""
        sizes = f"{format_bytes(self.smallest_bytes)} to {format_bytes(self.largest_bytes)}"
        if self.from_bytes is None:
            told = f"zerocopy wins from no size in this range ({sizes})"
        elif not self.from_bytes:
            told = f"zerocopy wins at every size in this range ({sizes})"
        else:
            told = f"zerocopy wins from {format_bytes(self.from_bytes)} on"
        if not self.has_interval:
            return f"{told}, without an interval: it takes two runs of each"
        if self.low_bytes == self.high_bytes == self.from_bytes:
            return told
        return f"{told} [{self._end(self.low_bytes)} .. {self._end(self.high_bytes)}]"

    def _end(self, size: int | None) -> str:
        if size is None:
            return f"none up to {format_bytes(self.largest_bytes)}"
        return format_bytes(size) if size else f"all from {format_bytes(self.smallest_bytes)}"


def crossover_point(quantity: str, by_size: Mapping[int, Sides], *, more_is_better: bool) -> CrossoverPoint:
    """The crossover of at least one size, each with runs of both sides and no value below 0. The medians of the runs
    are compared; the interval is that of the percentile bootstrap over runs."""
    sizes = sorted(by_size)
    counts = [len(side) for size in sizes for side in by_size[size]]
    log_sizes = np.log2(np.asarray(sizes, np.float64))
    sign = 1.0 if more_is_better else -1.0

    def gains(medians: Sequence[tuple[Values, Values]]) -> Values:
        """Above 0 where zerocopy is better. Shape: (resamples, sizes)."""
        ratios = [np.log(zerocopy) - np.log(copy) for zerocopy, copy in medians]
        return sign * np.stack(ratios, axis=-1)

    measured = gains([(_median(zerocopy), _median(copy)) for zerocopy, copy in map(by_size.__getitem__, sizes)])
    rng = np.random.default_rng(1)
    resampled = gains([(_resampled(a, rng), _resampled(b, rng)) for a, b in map(by_size.__getitem__, sizes)])
    tail = (1 - CONFIDENCE) / 2
    ends = np.quantile(_crossings(resampled, log_sizes), [tail, 1 - tail], method="inverted_cdf")
    point, low, high = (_bytes(value) for value in (*_crossings(measured, log_sizes), *ends))
    return CrossoverPoint(
        quantity=quantity,
        from_bytes=point,
        low_bytes=low,
        high_bytes=high,
        has_interval=min(counts) > 1,
        smallest_bytes=sizes[0],
        largest_bytes=sizes[-1],
        run_count=min(counts),
    )


def _median(values: Sequence[float]) -> Values:
    return np.asarray([np.median(values)])


def _resampled(values: Sequence[float], rng: np.random.Generator) -> Values:
    """Medians of resamples of the runs."""
    return np.asarray(np.median(rng.choice(np.asarray(values, np.float64), (_RESAMPLES, len(values))), axis=1))


def _crossings(gains: Values, log_sizes: Values) -> Values:
    """For each row the logarithm of the size from which all gains are above 0: -inf from the smallest one on, inf if
    the last one is not. Between two sizes the gain is a straight line over the logarithm."""
    rows, last = np.arange(len(gains)), gains.shape[1] - 1
    is_lost = gains <= 0
    at = last - np.argmax(is_lost[:, ::-1], axis=1)
    after = np.minimum(at + 1, last)
    before_gain, after_gain = gains[rows, at], gains[rows, after]
    rise = np.where(after_gain > before_gain, after_gain - before_gain, 1.0)
    crossing = log_sizes[at] + (log_sizes[after] - log_sizes[at]) * -before_gain / rise
    return np.where(~is_lost.any(axis=1), -inf, np.where(at == last, inf, crossing))


def _bytes(log_size: float) -> int | None:
    """0 for -inf, None for inf."""
    return None if log_size == inf else round(2**log_size)
