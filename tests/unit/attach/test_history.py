# SPDX-License-Identifier: GPL-2.0-only
"""Counts and levels of one socket, from looks that a test makes up."""

import pytest

from zcprobe.attach.history import SocketHistory
from zcprobe.probes.socket_looks import SocketLook

CHARGE = 832


def look(**members: object) -> SocketLook:
    empty: dict[str, object] = {
        name: b"" if name in ("local", "remote", "device", "device_kind") else 0 for name in SocketLook._fields
    }
    return SocketLook(**empty | members)  # type: ignore[arg-type]


def history(first: SocketLook, *, from_birth: bool = False, charge_bytes: int = CHARGE) -> SocketHistory:
    made = SocketHistory(0, 1, first, 0, from_birth=from_birth)
    made.add(first, 0, charge_bytes)
    return made


@pytest.mark.parametrize(("from_birth", "sends"), [(True, 101), (False, 0)])
def test_sends_before_the_first_look_count_only_from_birth(from_birth: bool, sends: int) -> None:
    assert history(look(next_send_id=101), from_birth=from_birth).sends == sends


def test_the_counter_of_32_bits_may_begin_again() -> None:
    one = history(look(next_send_id=2**32 - 3))
    one.add(look(next_send_id=8), 1, CHARGE)
    assert one.sends == 11


def test_a_send_that_is_taken_back_counts_for_nothing() -> None:
    """msg_zerocopy_put_abort() lowers sk_zckey again; a look in between has seen one more."""
    one = history(look(next_send_id=7))
    one.add(look(next_send_id=8), 1, CHARGE)
    one.add(look(next_send_id=7), 2, CHARGE)
    assert one.sends == 0


def test_repeated_bytes_are_not_sent_bytes() -> None:
    one = history(look(bytes_sent=1000, bytes_repeated=100))
    one.add(look(bytes_sent=5000, bytes_repeated=600), 1, CHARGE)
    assert one.bytes_sent == 3500


def test_a_level_is_split_into_baseline_unread_and_in_flight() -> None:
    one = history(look(optmem_bytes=200 + 10 * CHARGE, errqueue_depth=3))
    assert one.baseline_bytes == 200
    assert one.parts == (7 * CHARGE, 3 * CHARGE)


def test_entries_of_the_queue_that_are_no_notifications_hold_no_more_than_there_is() -> None:
    assert history(look(optmem_bytes=2 * CHARGE, errqueue_depth=5)).parts == (0, 2 * CHARGE)


def test_nothing_is_told_of_who_holds_a_level_while_the_charge_is_unknown() -> None:
    assert history(look(optmem_bytes=5000), charge_bytes=0).parts is None
    assert history(look(), charge_bytes=0).parts == (0, 0)


def test_peaks_of_an_interval_begin_with_the_level_at_its_beginning() -> None:
    one = history(look(optmem_bytes=10 * CHARGE, errqueue_depth=10))
    one.add(look(optmem_bytes=2 * CHARGE, errqueue_depth=1), 1, CHARGE)
    one.begin_interval()
    one.add(look(), 2, CHARGE)
    assert (one.recent.optmem_bytes, one.recent.errqueue_depth) == (2 * CHARGE, 1)
    assert (one.whole.optmem_bytes, one.whole.errqueue_depth) == (10 * CHARGE, 10)


def test_a_kernel_with_one_limit_for_all_has_that_of_the_host() -> None:
    assert SocketHistory(0, 1, look(), 0, from_birth=False, host_limit_bytes=20480).optmem_max_bytes == 20480
    own = SocketHistory(0, 1, look(optmem_max_bytes=2000), 0, from_birth=False, host_limit_bytes=20480)
    assert own.optmem_max_bytes == 2000
