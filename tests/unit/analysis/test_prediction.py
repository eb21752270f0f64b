# SPDX-License-Identifier: GPL-2.0-only
"""The limit that is predicted, against what the kernel would grant and a queue that is played through."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zcprobe.analysis.demand import Demand
from zcprobe.analysis.prediction import predict
from zcprobe.errors import UsageError
from zcprobe.format.kernel import LARGEST_OPTMEM_BYTES, most_sends_in_flight, notifications_that_fit

_LATE = {"bandwidth_bps": 10e9, "late_share": 1 / 16, "late_ns": 2_000_000}


def _demand(**members: Any) -> Demand:
    return Demand(**{"send_bytes": 65536, "charge_bytes": 832, "sndbuf_bytes": 4 << 20, **members})


@pytest.mark.parametrize("charge", [768, 832, 960])
@pytest.mark.parametrize("size", [1, 4096, 65536, 1 << 20])
def test_the_limit_has_room_for_all_that_are_charged_and_for_no_more(charge: int, size: int) -> None:
    found = predict(_demand(charge_bytes=charge, send_bytes=size))
    assert found.bounded
    assert found.optmem_max_bytes is not None
    assert notifications_that_fit(found.optmem_max_bytes, charge) == found.notifications
    assert notifications_that_fit(found.optmem_max_bytes - 1, charge) == found.notifications - 1
    assert found.unacknowledged_sends == most_sends_in_flight(4 << 20, size)


def test_a_baseline_is_added() -> None:
    plain, based = (predict(_demand(baseline_bytes=bytes_)).optmem_max_bytes or 0 for bytes_ in (0, 5000))
    assert based - plain == 5000


def test_a_paced_sender_has_what_it_writes_until_the_first_of_it_is_acknowledged() -> None:
    """1 Gbit/s are 2000 sends of 62,500 bytes in a second, 40 of them in 20 ms."""
    paced = {"send_bytes": 62500, "bandwidth_bps": 1e9, "is_paced": True, "delay_ns": 20_000_000}
    assert predict(_demand(**paced)).unacknowledged_sends == 41
    assert predict(_demand(**paced, channels=4)).unacknowledged_sends == 11
    assert predict(_demand(**{**paced, "delay_ns": 10**9})).unacknowledged_sends == most_sends_in_flight(4 << 20, 62500)


def test_without_a_pace_bandwidth_and_delay_do_not_lessen_what_the_send_buffer_holds() -> None:
    assert predict(_demand(bandwidth_bps=1e9, delay_ns=1000)).notifications == predict(_demand()).notifications


def test_all_that_is_late_in_order_merges_and_is_charged_for_as_long() -> None:
    late = predict(_demand(send_bytes=62500, bandwidth_bps=1e9, late_share=1.0, late_ns=20_000_000))
    assert (late.bounded, late.late_sends, late.unread_notifications, late.read_every_sends) == (True, 40, 2, None)


def test_late_sends_that_nobody_reads_have_no_limit() -> None:
    found = predict(_demand(**_LATE))
    assert (found.bounded, found.optmem_max_bytes, found.notifications) == (False, None, None)
    assert found.read_at_optmem_max_bytes == 131072


@pytest.mark.parametrize("limit", [20480, 131072, 1 << 20])
@pytest.mark.parametrize("share", [1 / 64, 1 / 4, 1 / 2, 15 / 16])
def test_who_reads_as_often_as_is_said_fits_into_the_limit_for_which_it_is_said(share: float, limit: int) -> None:
    late = {**_LATE, "late_share": share, "optmem_max_bytes": limit}
    unread = predict(_demand(**late))
    every, at = unread.read_every_sends, unread.read_at_optmem_max_bytes
    assert every is not None
    assert at is not None
    assert every >= 1
    assert at >= limit
    often, seldom = (predict(_demand(**late, read_every_sends=count)).optmem_max_bytes for count in (every, every + 2))
    assert often is not None
    assert seldom is not None
    assert often <= at < seldom


def test_a_larger_limit_allows_to_read_less_often() -> None:
    small, large = (predict(_demand(**_LATE, optmem_max_bytes=limit)).read_every_sends for limit in (131072, 1 << 20))
    assert small is not None
    assert large is not None
    assert small < large


def test_what_exceeds_the_largest_limit_is_not_promised_to_fit() -> None:
    huge = {"send_bytes": 1, "bandwidth_bps": 1e12, "late_ns": 10**9}
    for share, every in ((0.5, None), (0.5, 64), (1.0, None)):
        found = predict(_demand(**huge, late_share=share, read_every_sends=every))
        assert (found.bounded, found.optmem_max_bytes, found.read_every_sends) == (False, None, None)
        assert "exceeds the largest" in found.answer
    assert (found.notifications or 0) * 832 > LARGEST_OPTMEM_BYTES


@pytest.mark.parametrize(
    "members",
    [
        {"is_paced": True},
        {"is_paced": True, "bandwidth_bps": 1e9},
        {"late_share": 0.5, "late_ns": 1},
        {"late_share": 0.5, "bandwidth_bps": 1e9},
        {"late_ns": 1},
    ],
)
def test_half_of_what_makes_a_number_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        _demand(**members)
    assert refused.value.hint.startswith("give --")


def _peak(ends: list[int], every: int) -> int:
    """The most notifications that are charged at once, if send n is made at n, completes at ends[n], and the queue is
    read after every so many sends: skb_zerocopy_notify_extend() merges into the queue's tail only."""
    order = sorted(range(len(ends)), key=lambda send: (ends[send], send))
    peak = done = unread = 0
    tail = -1
    for now in range(len(ends)):
        while done < len(ends) and ends[order[done]] <= now:
            unread += not unread or order[done] != tail + 1
            tail, done = order[done], done + 1
        peak = max(peak, now + 1 - done + unread)
        if (now + 1) % every == 0:
            unread = 0
    return peak


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    share=st.sampled_from([1 / 64, 1 / 16, 1 / 4, 1 / 2, 3 / 4, 15 / 16]),
    late=st.integers(1, 200),
    every=st.integers(1, 300),
)
def test_no_queue_that_is_read_in_time_outgrows_the_prediction(seed: int, share: float, late: int, every: int) -> None:
    """One send a microsecond, acknowledged 10 µs later and complete then, or `late` µs after that."""
    choice = random.Random(seed)
    found = predict(
        Demand(
            send_bytes=125, charge_bytes=832, sndbuf_bytes=4 << 20, bandwidth_bps=1e9, is_paced=True, delay_ns=10_000,
            late_share=share, late_ns=late * 1000, read_every_sends=every,
        )
    )  # fmt: skip
    ends = [send + 10 + late * (choice.random() < share) for send in range(2000)]
    assert found.notifications is not None
    assert _peak(ends, every) <= found.notifications
