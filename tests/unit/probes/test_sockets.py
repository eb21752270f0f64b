# SPDX-License-Identifier: GPL-2.0-only
from typing import Any

import pytest

from zcprobe.format.sockets import SocketCounts
from zcprobe.native import lib
from zcprobe.probes.sockets import socket_counts
from zcprobe.recorder.reconcile import reconcile_counts
from zcprobe.recorder.totals import EventTotals, totals_of_counts

CHARGE = 832


def _state(**members: Any) -> dict[str, Any]:
    names = SocketCounts.__struct_fields__
    state: dict[str, Any] = dict.fromkeys((*names, "next_send_id", "is_closed"), 0)
    return {**state, "enobufs": [0] * 10, "notifications": [0] * 8, **members}


def _counts(**members: Any) -> SocketCounts:
    notifications = [0] * 8
    notifications[lib.ZC_EVENT_READ] = 3
    notifications[lib.ZC_EVENT_MERGED] = 4
    notifications[lib.ZC_EVENT_APPENDED] = 3
    return socket_counts(_state(**{"notifications": notifications, "charge_bytes": CHARGE, "is_closed": 1, **members}))


def test_calls_are_counted_by_the_name_of_their_cause() -> None:
    counts = socket_counts(_state(enobufs=[5, 0, 2, 0, 0, 0, 0, 1, 3, 4], next_send_id=9))
    assert counts.enobufs == {"optmem": 5, "memlock_extended": 2, "qdisc": 1, "ambiguous": 3, "other": 4}
    assert (counts.sends, counts.closed) == (9, False)


def test_the_split_of_optmem_from_sums() -> None:
    """Two refusals at 157 charges above a baseline of 100, with 133 and 100 of them unread."""
    level = 2 * (100 + 157 * CHARGE)
    counts = _counts(enobufs=[2] + [0] * 9, enobufs_optmem_bytes=level, enobufs_depth=233)
    totals = totals_of_counts(counts, baseline_bytes=100)
    assert totals.enobufs_unread_bytes == 233 * CHARGE
    assert totals.enobufs_in_flight_bytes == (2 * 157 - 233) * CHARGE
    assert (totals.enobufs, totals.enobufs_causes) == (2, {"optmem": 2})


def test_a_socket_that_was_not_seen_closed_has_no_final_count_of_sends() -> None:
    assert totals_of_counts(_counts(is_closed=0, next_send_id=7), 0).sends is None
    assert totals_of_counts(_counts(next_send_id=7), 0).sends == 7


CHARGES = "charges = uncharges, but for sends in flight"


def _broken(totals: EventTotals, counts: SocketCounts, sends_in_flight: int = 0) -> list[str]:
    findings = reconcile_counts(totals, counts, sends_in_flight=sends_in_flight)
    assert CHARGES in [item.what for item in findings] or not counts.uargs_charged
    return [item.what for item in findings if not item.holds]


@pytest.mark.parametrize(
    ("charged", "sends_in_flight", "broken"),
    [(7, 0, []), (8, 0, [CHARGES]), (8, 1, []), (7, 3, []), (9, 1, [CHARGES]), (6, 0, [CHARGES]), (6, 1, [CHARGES])],
)
def test_charges_that_were_not_given_back_are_found(charged: int, sends_in_flight: int, broken: list[str]) -> None:
    """Seven were given back; more can only be those of sends that nobody saw complete."""
    counts = _counts(uargs_charged=charged)
    assert _broken(totals_of_counts(counts, 0), counts, sends_in_flight) == broken


def test_events_that_differ_from_the_kernels_counts_are_found() -> None:
    counts = _counts()
    totals = totals_of_counts(counts, 0)
    totals.merged_notifications += 1
    assert _broken(totals, counts) == ["MERGED events = merges counted in the kernel"]
