# SPDX-License-Identifier: GPL-2.0-only
"""A flush that read the queue until EAGAIN, did not wait, and was followed by ENOBUFS."""

from tests.unit.analysis.diagnosis.seen import found, ids, seen, socket
from zcprobe.analysis.diagnosis import judge

_HASTY = {
    "enobufs": 7,
    "enobufs_causes": {"optmem": 7},
    "enobufs_in_flight_bytes": 10,
    "optmem_peak_bytes": 130624,
    "flushes_empty_then_enobufs": 1,
}


def test_one_is_enough_and_it_comes_first() -> None:
    assert ids(seen(socket(**_HASTY))) == ["flush-did-not-wait", "limit-too-small"]
    assert "once" in found(seen(socket(**_HASTY)), "flush-did-not-wait").what


def test_flushes_that_did_not_wait_but_were_followed_by_a_send_are_no_finding() -> None:
    calm = {**_HASTY, "flushes_empty_then_enobufs": 0, "flushes": 500, "flushes_waited": 0}
    assert ids(seen(socket(**calm))) == ["limit-too-small"]


def test_all_sockets_count_and_a_limit_for_the_time_being_is_told() -> None:
    finding = found(seen(socket(**_HASTY), socket(**{**_HASTY, "flushes_empty_then_enobufs": 4})), "flush-did-not-wait")
    assert finding.evidence["flushes_empty_then_enobufs_count"] == 5
    assert "5 times" in finding.what
    assert "262144" in finding.do


def test_a_retry_that_memlock_refused_gets_no_limit_of_optmem() -> None:
    locked = {**_HASTY, "enobufs_causes": {"memlock_new": 7}, "optmem_peak_bytes": 832}
    assert "optmem_max" not in found(seen(socket(**locked)), "flush-did-not-wait").do


def test_where_flushes_were_not_seen_that_is_said() -> None:
    unseen = seen(socket(flushes_empty_then_enobufs=None))
    assert judge(unseen).not_seen == ["whether the sender waits when it reads its error queue"]
