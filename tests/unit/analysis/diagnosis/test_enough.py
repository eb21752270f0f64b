# SPDX-License-Identifier: GPL-2.0-only
"""The limit that is enough follows from what the kernel checks: level + 576 <= optmem_max before each charge."""

from typing import Any

import pytest

from tests.unit.analysis.diagnosis.seen import socket
from zcprobe.analysis.diagnosis.enough import Enough, enough_optmem, predict_socket
from zcprobe.analysis.prediction import MERGED, Prediction
from zcprobe.format.kernel import most_sends_in_flight


def _fitting(limit_bytes: int, charge_bytes: int) -> int:
    """How many charges sock_omalloc() grants one after the other."""
    level = count = 0
    while level + 576 <= limit_bytes:
        level += charge_bytes
        count += 1
    return count


def _disordered(filled: int, charge: int = 832, **members: Any) -> Enough:
    """Of a socket whose data something keeps longer than TCP."""
    enough = enough_optmem(
        socket(**{"optmem_peak_bytes": filled * charge, "charge_bytes": charge, "errqueue_depth_max": 9, **members})
    )
    assert enough is not None
    return enough


@pytest.mark.parametrize("charge", [768, 832, 960])
@pytest.mark.parametrize("count", [79, 157, 1009])
def test_where_data_is_kept_the_next_limit_grants_twice_the_notifications_that_filled_it(
    charge: int, count: int
) -> None:
    enough = _disordered(count, charge)
    assert not enough.is_bound
    assert enough.limit_bytes & (enough.limit_bytes - 1) == 0
    assert _fitting(enough.limit_bytes // 2, charge) < 2 * count <= _fitting(enough.limit_bytes, charge)


@pytest.mark.parametrize("charge", [768, 832, 960])
@pytest.mark.parametrize("size", [4096, 65536, 524288])
@pytest.mark.parametrize("sndbuf", [4 << 20, 128 << 20])
def test_in_order_the_limit_has_room_for_all_that_the_send_buffer_lets_out(charge: int, size: int, sndbuf: int) -> None:
    enough = enough_optmem(socket(send_bytes_median=size, sndbuf_bytes=sndbuf, charge_bytes=charge))
    assert enough is not None
    assert enough.is_bound
    most = most_sends_in_flight(sndbuf, size)
    assert _fitting(enough.limit_bytes // 2, charge) < most + MERGED <= _fitting(enough.limit_bytes, charge)
    assert f"{most:,} sends of {size:,} bytes" in enough.why


def test_a_send_buffer_that_had_not_grown_yet_counts_as_large_as_tcp_lets_it_grow() -> None:
    small, unseen = (enough_optmem(socket(sndbuf_bytes=size)) for size in (87380, None))
    assert small is not None
    assert small == unseen
    assert "4,194,304" in small.why


@pytest.mark.parametrize(
    "members", [{"optmem_peak_bytes": 68 * 832}, {"errqueue_depth_max": 2}, {"send_bytes_median": None}]
)
def test_the_send_buffer_is_no_bound_for_what_it_does_not_explain(members: dict[str, int | None]) -> None:
    plain, other = enough_optmem(socket(optmem_peak_bytes=67 * 832)), enough_optmem(socket(**members))
    assert plain is not None
    assert other is not None
    assert plain.is_bound
    assert not other.is_bound


def test_datagrams_have_no_bound() -> None:
    enough = enough_optmem(socket(protocol="udp"))
    assert enough is not None
    assert not enough.is_bound
    assert "twice the 10 notifications" in enough.why


def test_a_baseline_is_not_taken_for_notifications() -> None:
    assert "157 notifications" in _disordered(157).why
    raised = _disordered(157, optmem_peak_bytes=157 * 832 + 5000, optmem_baseline_bytes=5000)
    assert "157 notifications" in raised.why


@pytest.mark.parametrize("lacking", ["charge_bytes", "optmem_peak_bytes"])
def test_without_the_charge_or_the_level_there_is_no_number(lacking: str) -> None:
    assert enough_optmem(socket(**{lacking: None})) is None


def _predicted(**members: Any) -> Prediction:
    found = predict_socket(socket(**members))
    assert found is not None
    return found


def test_what_the_send_buffer_explains_needs_what_the_send_buffer_lets_out() -> None:
    found = _predicted()
    assert found.bounded
    assert (found.notifications, found.late_sends) == (most_sends_in_flight(4 << 20, 65536) + MERGED, 0)


def test_without_probes_the_order_is_said_to_be_unseen() -> None:
    assert "in order was not seen" in _predicted(errqueue_depth_max=None).assumptions[-1]
    assert not any("was not seen" in sentence for sentence in _predicted().assumptions)


def test_more_than_the_send_buffer_explains_is_late_and_twice_as_much_if_the_limit_stopped_it() -> None:
    late = {"in_flight_peak_bytes": 120 * 832, "errqueue_depth_max": 9}
    assert _predicted(optmem_peak_bytes=130 * 832, **late).late_sends == 120 - 65
    assert _predicted(optmem_peak_bytes=157 * 832, **late).late_sends == 240 - 65


def test_a_sender_that_reads_only_when_it_is_refused_has_no_limit_and_is_told_how_often_to_read() -> None:
    found = _predicted(errqueue_depth_max=9, flushes=7, enobufs=6, sends=1009)
    assert not found.bounded
    assert found.read_every_sends is not None


def test_a_sender_that_reads_on_its_own_has_a_limit() -> None:
    found = _predicted(errqueue_depth_max=9, flushes=101, enobufs=0, sends=1009)
    assert found.bounded
    assert found.read_every_sends == 2 * 10


def test_as_many_notifications_per_send_as_were_read_are_expected() -> None:
    few, many = (
        _predicted(errqueue_depth_max=9, flushes=0, notifications_read=count, completions_read=1000).read_every_sends
        for count in (100, 500)
    )
    assert few is not None
    assert many is not None
    assert few > many


@pytest.mark.parametrize(
    "members",
    [
        {"protocol": "udp"},
        {"charge_bytes": None},
        {"optmem_peak_bytes": None},
        {"send_bytes_median": None, "bytes_sent": None},
    ],
)
def test_what_was_not_seen_predicts_nothing(members: dict[str, Any]) -> None:
    assert predict_socket(socket(**members)) is None
