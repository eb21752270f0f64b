# SPDX-License-Identifier: GPL-2.0-only
"""When optmem is short: the level against the limit, and who held it."""

from tests.unit.analysis.diagnosis.seen import seen, socket
from zcprobe.analysis.diagnosis.limit import pressed_sockets, reached_limit, unread_share


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
