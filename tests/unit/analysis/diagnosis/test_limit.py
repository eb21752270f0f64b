# SPDX-License-Identifier: GPL-2.0-only
"""The limit that is enough follows from what the kernel checks: level + 576 <= optmem_max before each charge."""

from typing import Any

import pytest

from tests.unit.analysis.diagnosis.seen import seen, socket
from zcprobe.analysis.diagnosis.limit import Enough, enough_optmem, pressed_sockets, reached_limit, unread_share
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
    assert _fitting(enough.limit_bytes // 2, charge) < most <= _fitting(enough.limit_bytes, charge)
    assert f"{most:,} sends of {size:,} bytes" in enough.why


def test_a_send_buffer_that_had_not_grown_yet_counts_as_large_as_tcp_lets_it_grow() -> None:
    small, unseen = (enough_optmem(socket(sndbuf_bytes=size)) for size in (87380, None))
    assert small is not None
    assert small == unseen
    assert "4,194,304" in small.why


@pytest.mark.parametrize(
    "members", [{"optmem_peak_bytes": 113 * 832}, {"errqueue_depth_max": 2}, {"send_bytes_median": None}]
)
def test_the_send_buffer_is_no_bound_for_what_it_does_not_explain(members: dict[str, int | None]) -> None:
    plain, other = enough_optmem(socket(optmem_peak_bytes=112 * 832)), enough_optmem(socket(**members))
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


def test_a_level_reaches_the_limit_when_576_bytes_no_longer_fit() -> None:
    assert not reached_limit(socket(optmem_peak_bytes=131072 - 576))
    assert reached_limit(socket(optmem_peak_bytes=131072 - 575))


def test_holders_are_those_at_the_refusals_and_else_those_of_the_peaks() -> None:
    assert unread_share(socket(enobufs_unread_bytes=30, enobufs_in_flight_bytes=10)) == 0.75
    assert unread_share(socket(unread_peak_bytes=10, in_flight_peak_bytes=30)) == 0.25
    assert unread_share(socket(unread_peak_bytes=None)) is None


def test_where_causes_were_seen_a_high_level_alone_is_no_pressure() -> None:
    assert not pressed_sockets(seen(socket(optmem_peak_bytes=130624)))
    assert pressed_sockets(seen(socket(optmem_peak_bytes=130624, enobufs=None, enobufs_causes=None)))


def test_a_sampled_level_is_pressure_from_four_fifths_of_the_limit_on() -> None:
    sampled = {"enobufs": None, "enobufs_causes": None}
    assert not pressed_sockets(seen(socket(optmem_peak_bytes=104_000, **sampled)))
    assert pressed_sockets(seen(socket(optmem_peak_bytes=105_000, **sampled)))


def test_the_socket_with_most_refusals_comes_first() -> None:
    few, many = (socket(enobufs=count, enobufs_causes={"optmem": count}) for count in (3, 7))
    assert [pressed.refused for pressed in pressed_sockets(seen(few, many))] == [7, 3]


def test_of_equal_refusals_the_fullest_socket_comes_first() -> None:
    sampled = {"enobufs": None, "enobufs_causes": None}
    close, full = (socket(optmem_peak_bytes=peak, **sampled) for peak in (110_000, 131_000))
    assert [pressed.socket for pressed in pressed_sockets(seen(close, full))] == [full, close]
