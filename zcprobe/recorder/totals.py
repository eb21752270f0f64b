# SPDX-License-Identifier: GPL-2.0-only
"""Totals of the probes' events, computed chunk by chunk; only the ranges of whole notifications are kept in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from zcprobe.format.causes import enobufs_causes, split_charges
from zcprobe.format.sockets import SocketCounts
from zcprobe.format.tables import EVENT_TABLE
from zcprobe.native import lib
from zcprobe.recorder.spools import iterate_records

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Records = NDArray[np.void]

__all__ = ["EventTotals", "add_up_events", "combine", "totals_of_counts"]


class EventTotals(msgspec.Struct):
    """Totals over one run. `entries` are whole notifications (read or purged), `pieces` those that merged into them.

    `true_copied_completions`: sends whose own uarg was copied, whatever the merged notification said.
    `enobufs_unread_share`: of the charges at the ENOBUFS events by optmem, the part held by unread notifications.
    """

    events: int = 0
    read_completions: int = 0
    read_notifications: int = 0
    purged_notifications: int = 0
    merged_notifications: int = 0
    appended_notifications: int = 0
    true_copied_completions: int = 0
    enobufs: int = 0
    enobufs_causes: dict[str, int] = msgspec.field(default_factory=dict)
    enobufs_in_flight_bytes: int = 0
    enobufs_unread_bytes: int = 0
    errqueue_depth_max: int = 0
    optmem_max_bytes: int = 0
    optmem_peak_bytes: int = 0
    charge_bytes: int = 0
    sends: int | None = None
    stack_ids: list[int] = []

    @property
    def enobufs_unread_share(self) -> float | None:
        charges = self.enobufs_in_flight_bytes + self.enobufs_unread_bytes
        return self.enobufs_unread_bytes / charges if charges else None


def _lengths(records: _Records) -> NDArray[np.int64]:
    lengths: NDArray[np.int64] = (records["hi"] - records["lo"]).astype("int64") + 1
    return lengths


def _count_entry_copies(entries: _Records) -> int:
    return int(_lengths(entries[entries["copied"] != 0]).sum())


def _correct_copies(entries: _Records, pieces: _Records) -> int:
    """How pieces that merged into whole notifications change the count of copied sends.

    A merged notification keeps the code of its first uarg, so its code is right for the sends outside its pieces, and
    each piece has its own code. `entries` are sorted by lo.
    """
    if not len(entries) or not len(pieces):
        return 0
    home = entries[entries["lo"].searchsorted(pieces["lo"], side="right") - 1]
    lengths = _lengths(pieces)
    return int(lengths[pieces["copied"] != 0].sum()) - int(lengths[home["copied"] != 0].sum())


def _add_enobufs(totals: EventTotals, records: _Records, baseline_bytes: int, charge_bytes: int) -> None:
    causes = enobufs_causes(records)
    totals.enobufs += len(records)
    totals.enobufs_causes = dict(Counter(totals.enobufs_causes) + Counter(causes.tolist()))
    in_flight, unread = split_charges(records[causes == "optmem"], baseline_bytes, charge_bytes)
    totals.enobufs_in_flight_bytes += int(in_flight.sum())
    totals.enobufs_unread_bytes += int(unread.sum())


def _add_levels(totals: EventTotals, records: _Records) -> None:
    def highest(name: str) -> int:
        return int(records[name].max(initial=0))

    totals.errqueue_depth_max = max(totals.errqueue_depth_max, highest("errqueue_depth"))
    totals.optmem_max_bytes = max(totals.optmem_max_bytes, highest("optmem_max_bytes"))
    totals.optmem_peak_bytes = max(totals.optmem_peak_bytes, highest("optmem_bytes"))
    totals.charge_bytes = max(totals.charge_bytes, highest("charge_bytes"))
    closed = records[records["kind"] == lib.ZC_EVENT_CLOSED]
    for record in closed:
        totals.sends = (totals.sends or 0) + int(record["next_send_id"])
        totals.optmem_peak_bytes = max(totals.optmem_peak_bytes, int(record["optmem_peak_bytes"]))


def _events_of(spool: Path, cookie: int) -> Iterator[_Records]:
    for records in iterate_records(spool, EVENT_TABLE):
        yield records[records["cookie"] == cookie]


def _collect_entries(spool: Path, cookie: int) -> _Records:
    import numpy as np  # here and below numpy is imported only if there are events

    ends = (lib.ZC_EVENT_READ, lib.ZC_EVENT_PURGED)
    chunks = [records[np.isin(records["kind"], ends)][["lo", "hi", "copied"]] for records in _events_of(spool, cookie)]
    return np.concatenate(chunks) if chunks else np.empty(0, EVENT_TABLE.dtype)


def add_up_events(spool: Path, cookie: int, baseline_bytes: int, charge_bytes: int) -> EventTotals:
    """Totals of one socket's events in a file of `struct zc_kernel_event`. `charge_bytes` is the measured charge of one
    notification.

    Ids are the kernel's 32 bits: exact up to 4,294,967,295 sends on a socket.
    """
    import numpy as np

    totals = EventTotals()
    entries = _collect_entries(spool, cookie)
    entries = entries[entries["lo"].argsort()]
    totals.true_copied_completions = _count_entry_copies(entries)
    stacks: set[int] = set()
    for records in _events_of(spool, cookie):
        kinds = records["kind"]
        pieces = records[kinds == lib.ZC_EVENT_MERGED]
        totals.events += len(records)
        totals.merged_notifications += len(pieces)
        totals.read_notifications += int((kinds == lib.ZC_EVENT_READ).sum())
        totals.read_completions += int(_lengths(records[kinds == lib.ZC_EVENT_READ]).sum())
        totals.purged_notifications += int((kinds == lib.ZC_EVENT_PURGED).sum())
        totals.appended_notifications += int((kinds == lib.ZC_EVENT_APPENDED).sum())
        totals.true_copied_completions += _correct_copies(entries, pieces)
        _add_enobufs(totals, records[kinds == lib.ZC_EVENT_ENOBUFS], baseline_bytes, charge_bytes)
        _add_levels(totals, records)
        stacks.update(np.unique(records["stack_id"]).tolist())
    totals.stack_ids = sorted(stack for stack in stacks if stack >= 0)
    return totals


def totals_of_counts(counts: SocketCounts, baseline_bytes: int) -> EventTotals:
    """The same totals from the kernel's counts, for runs without events."""
    in_flight_bytes, unread_bytes = counts.enobufs_held_bytes(baseline_bytes)
    return EventTotals(
        read_completions=counts.completions_read,
        read_notifications=counts.read,
        purged_notifications=counts.purged,
        merged_notifications=counts.merged,
        appended_notifications=counts.appended,
        true_copied_completions=counts.completions_copied,
        enobufs=sum(counts.enobufs.values()),
        enobufs_causes=counts.enobufs,
        enobufs_in_flight_bytes=in_flight_bytes,
        enobufs_unread_bytes=unread_bytes,
        errqueue_depth_max=counts.errqueue_depth_max,
        optmem_max_bytes=counts.optmem_max_bytes,
        optmem_peak_bytes=counts.optmem_peak_bytes,
        charge_bytes=counts.charge_bytes,
        sends=counts.sends if counts.closed else None,
    )


_HIGHEST = ("errqueue_depth_max", "optmem_max_bytes", "optmem_peak_bytes", "charge_bytes")


def combine(sockets: list[EventTotals]) -> EventTotals:
    """Totals over several sockets: sums, except for level, depth, limit and charge, which are the highest of any."""
    total = EventTotals()
    for one in sockets:
        for name in EventTotals.__struct_fields__:
            mine, its = getattr(total, name), getattr(one, name)
            if name in _HIGHEST:
                setattr(total, name, max(mine, its))
            elif name == "enobufs_causes":
                total.enobufs_causes = dict(Counter(mine) + Counter(its))
            elif name == "stack_ids":
                total.stack_ids = sorted({*mine, *its})
            elif its is not None:
                setattr(total, name, (mine or 0) + its)
    return total
