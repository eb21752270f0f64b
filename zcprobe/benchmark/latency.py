# SPDX-License-Identifier: GPL-2.0-only
"""Quantiles of latencies that the C core counted in slots (`zcprobe/native/decl/latency.h`)."""

from collections import Counter
from collections.abc import Iterable, Mapping

__all__ = ["middle_ns", "quantile_ns"]

_SLOT_BITS = 5


def middle_ns(slot: int) -> int:
    """The middle of the latencies of a slot: at most 1.6 % away from each of them."""
    shift = max((slot >> _SLOT_BITS) - 1, 0)
    return ((slot - (shift << _SLOT_BITS)) << shift) + ((1 << shift) >> 1)


def quantile_ns(channels: Iterable[Mapping[int, int]], share: float) -> int | None:
    """The smallest latency that at least that share of all latencies of all channels does not exceed; None of none.
    Each of `channels` has slot -> latencies in it."""
    slots: Counter[int] = Counter()
    for counts in channels:
        slots.update(counts)
    wanted, seen = share * slots.total(), 0
    for slot in sorted(slots):
        seen += slots[slot]
        if seen >= wanted:
            return middle_ns(slot)
    return None
