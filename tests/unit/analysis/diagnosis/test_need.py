# SPDX-License-Identifier: GPL-2.0-only
"""Of the sockets of a sender, the one that needs most decides: they share the limit of a network namespace."""

from tests.unit.analysis.diagnosis.seen import seen, socket
from zcprobe.analysis.diagnosis.need import most_demanding, need_of_sender


def test_the_larger_need_decides() -> None:
    small, large = (socket(send_bytes_median=size, number=size) for size in (524288, 4096))
    found = most_demanding(seen(small, large))
    assert found is not None
    assert found[0].number == 4096


def test_a_socket_for_which_no_limit_is_enough_decides_whatever_the_others_need() -> None:
    endless = socket(send_bytes_median=524288, errqueue_depth_max=9, flushes=0, number=1)
    found = most_demanding(seen(socket(send_bytes_median=4096), endless))
    assert found is not None
    assert found[0].number == 1
    assert not found[1].bounded


def test_sockets_without_zerocopy_and_datagrams_decide_nothing() -> None:
    plain = socket(zerocopy_enabled=False, sends=0, enobufs=0)
    assert most_demanding(seen(plain, socket(protocol="udp"))) is None


def test_the_need_is_told_with_what_it_is_made_of() -> None:
    told = need_of_sender(seen(socket()))
    assert told.startswith("net.core.optmem_max of 55488 bytes (54.2 KiB) is enough.")
    assert "65 unacknowledged and 0 late sends, and two unread ones." in told
    assert "unread ones without end" in need_of_sender(seen(socket(errqueue_depth_max=9, flushes=0)))
    assert need_of_sender(seen(socket(protocol="udp"))) == ""
