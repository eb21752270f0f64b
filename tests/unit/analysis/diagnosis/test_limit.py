# SPDX-License-Identifier: GPL-2.0-only
"""The limit that is enough follows from what the kernel checks: level + 576 <= optmem_max before each charge."""

import pytest

from tests.unit.analysis.diagnosis.seen import seen, socket
from zcprobe.analysis.diagnosis.limit import enough_optmem, pressed_sockets, reached_limit, unread_share


def _fitting(limit_bytes: int, charge_bytes: int) -> int:
    """How many charges sock_omalloc() grants one after the other."""
    level = count = 0
    while level + 576 <= limit_bytes:
        level += charge_bytes
        count += 1
    return count


@pytest.mark.parametrize("charge", [768, 832, 960])
@pytest.mark.parametrize("count", [1, 24, 79, 157, 1009])
def test_the_limit_that_is_enough_grants_twice_the_notifications_that_filled_it(charge: int, count: int) -> None:
    enough = enough_optmem(socket(optmem_peak_bytes=count * charge, charge_bytes=charge, sndbuf_bytes=None))
    assert enough is not None
    assert _fitting(enough.limit_bytes, charge) >= 2 * count
    assert enough.limit_bytes & (enough.limit_bytes - 1) == 0
    assert _fitting(enough.limit_bytes // 2, charge) < 2 * count


def test_small_sends_in_a_large_send_buffer_need_room_for_all_that_it_holds() -> None:
    enough = enough_optmem(socket(send_bytes_median=4096, sndbuf_bytes=4 << 20, optmem_peak_bytes=157 * 832))
    assert enough is not None
    assert enough.limit_bytes == 1 << 20
    assert "1,025 notifications" in enough.why


def test_a_baseline_is_not_taken_for_notifications() -> None:
    plain = enough_optmem(socket(optmem_peak_bytes=40 * 832))
    raised = enough_optmem(socket(optmem_peak_bytes=40 * 832 + 5000, optmem_baseline_bytes=5000))
    assert plain is not None
    assert raised is not None
    assert "40 notifications" in plain.why
    assert "40 notifications" in raised.why


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
