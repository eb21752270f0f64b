# SPDX-License-Identifier: GPL-2.0-only
"""The optmem_max that a TCP sender needs, from what it sends and over which path.

The limit counts for each socket. A send holds the charge of a notification from the send call until the kernel merges
its notification with the one before it, or somebody reads it. So the charges of three kinds of sends add up:
unacknowledged ones, acknowledged ones whose completion is late, and completed ones whose notification is unread.
"""

from bisect import bisect_right
from functools import partial
from math import ceil, sqrt

import msgspec

from zcprobe.analysis.demand import Demand
from zcprobe.analysis.prediction_words import assumptions_of, formula_of
from zcprobe.format.kernel import LARGEST_OPTMEM_BYTES, most_sends_in_flight, notifications_that_fit, optmem_for
from zcprobe.units import format_bytes

__all__ = ["MERGED", "Prediction", "predict"]

_DEVIATIONS = 3
"""Standard deviations above the mean number of late sends. Which sends are late is chance, so the number of those that
are late at once has a binomial distribution."""

_MOST_SENDS = 10**12
"""More than a sender makes in a day."""

MERGED = 2
"""Notifications of completed sends where completions come in order: the queue's tail, and one about to merge into
it."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What one socket needs. `bounded`: a limit is enough, `optmem_max_bytes`, into which all `notifications` that are
    charged at once fit. If they pile up unread without end, no limit is enough. The sender must then read its error
    queue every `read_every_sends` sends, with a limit of `read_at_optmem_max_bytes`. These two are None as well if what
    is not completed exceeds the largest limit, because reading frees nothing of that. `unacknowledged_sends`,
    `late_sends` and `unread_notifications` are the most at once. `formula` and `assumptions` are for people."""

    optmem_max_bytes: int | None
    bounded: bool
    read_every_sends: int | None
    read_at_optmem_max_bytes: int | None
    formula: str
    assumptions: list[str]
    notifications: int | None
    unacknowledged_sends: int
    late_sends: int
    unread_notifications: int | None
    charge_bytes: int

    @property
    def answer(self) -> str:
        """The result in a sentence or two."""
        if self.optmem_max_bytes is not None:
            size = format_bytes(self.optmem_max_bytes)
            return f"net.core.optmem_max of {self.optmem_max_bytes} bytes ({size}) is enough."
        if self.read_every_sends is None:
            return "No limit is enough: what is not completed exceeds the largest one."
        return (
            f"No limit is enough. With net.core.optmem_max of {self.read_at_optmem_max_bytes} bytes the sender must"
            f" read its error queue until EAGAIN at least every {self.read_every_sends} sends."
        )


def _unacknowledged(demand: Demand) -> int:
    """The send buffer's bound. A paced sender has no more than what it writes until the first of it is acknowledged,
    and the send that is being written."""
    buffered = most_sends_in_flight(demand.sndbuf_bytes, demand.send_bytes)
    if not demand.is_paced:
        return buffered
    return min(buffered, ceil(demand.sends_per_s * demand.delay_ns / 1e9) + 1)


def _most_likely(mean: float, share: float) -> float:
    """The most of so many that are late by chance."""
    return mean + _DEVIATIONS * sqrt(mean * (1 - share))


def _late(demand: Demand) -> int:
    """Little's law: rate times time. If all are late, there is no chance in it."""
    if demand.late_sends is not None:
        return demand.late_sends
    mean = demand.sends_per_s * demand.late_share * demand.late_ns / 1e9
    return ceil(_most_likely(mean, demand.late_share))


def _unread(demand: Demand, held: int, every_sends: int) -> int:
    """The most entries of the error queue between two readings. A completion merges only if it follows the one that
    came right before it. A late one does not follow, the one after it does not either, and it leaves a gap in its
    place: three entries. If most sends are late, the same holds for the others. No more sends complete than were held
    at the first reading or were made since, and no more entries are added to what was held than sends were made."""
    share = min(demand.late_share, 1 - demand.late_share)
    entries = 3 * _most_likely(share * (held + every_sends), share)
    if demand.entries_per_send is not None:
        entries = _most_likely(demand.entries_per_send * (held + every_sends), 0.0)
    return min(every_sends, ceil(entries)) + MERGED


def _needed(demand: Demand, notifications: int) -> int | None:
    """The smallest limit for so many; None if the kernel does not take one as large."""
    needed = optmem_for(notifications, demand.charge_bytes) + demand.baseline_bytes
    return needed if needed <= LARGEST_OPTMEM_BYTES else None


def _reading(demand: Demand, held: int) -> tuple[int | None, int | None]:
    """How often the queue must be read, in sends, and the limit for which this holds: today's, or if that has no room
    beside what is held, one with room for twice as much."""
    limit: int | None = demand.optmem_max_bytes
    if (_needed(demand, held + MERGED + 1) or LARGEST_OPTMEM_BYTES + 1) > demand.optmem_max_bytes:
        limit = _needed(demand, 2 * held + MERGED)
    if limit is None:
        return None, None
    room = notifications_that_fit(limit - demand.baseline_bytes, demand.charge_bytes) - held
    return bisect_right(range(_MOST_SENDS), room, key=partial(_unread, demand, held)) - 1, limit


def _most_unread(demand: Demand, held: int) -> int | None:
    """The most unread notifications at once; None if there is no end to them."""
    if demand.is_in_order:
        return MERGED
    if demand.read_every_sends is None:
        return None
    return _unread(demand, held, demand.read_every_sends)


def predict(demand: Demand) -> Prediction:
    """What one socket of this sender needs."""
    unacknowledged, late = _unacknowledged(demand), _late(demand)
    held = unacknowledged + late
    unread = _most_unread(demand, held)
    needed = None if unread is None else _needed(demand, held + unread)
    every, limit = None, None
    if unread is None:
        every, limit = _reading(demand, held)
    elif needed is not None and not demand.is_in_order:
        every = demand.read_every_sends
    return Prediction(
        optmem_max_bytes=needed,
        bounded=needed is not None,
        read_every_sends=every,
        read_at_optmem_max_bytes=limit,
        formula=formula_of(demand, unacknowledged, late, unread),
        assumptions=assumptions_of(demand),
        notifications=None if unread is None else held + unread,
        unacknowledged_sends=unacknowledged,
        late_sends=late,
        unread_notifications=unread,
        charge_bytes=demand.charge_bytes,
    )
