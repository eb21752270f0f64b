# SPDX-License-Identifier: GPL-2.0-only
"""Who filled optmem decides which finding it is."""

import pytest

from tests.unit.analysis.diagnosis.seen import found, ids, seen, socket
from zcprobe.analysis.diagnosis.enough import predict_socket
from zcprobe.format.attachment import ThreadSummary

_FULL = {"enobufs": 5, "enobufs_causes": {"optmem": 5}, "optmem_peak_bytes": 130624, "errqueue_depth_max": 133}


@pytest.mark.parametrize(
    ("unread", "expected"),
    [
        (10, ["limit-too-small"]),
        (24, ["limit-too-small"]),
        (25, ["unread-out-of-order", "limit-too-small"]),
        (75, ["unread-out-of-order", "limit-too-small"]),
        (76, ["unread-out-of-order"]),
    ],
)
def test_a_holder_of_a_quarter_is_worth_a_finding(unread: int, expected: list[str]) -> None:
    held = {"enobufs_unread_bytes": unread * 832, "enobufs_in_flight_bytes": (100 - unread) * 832}
    assert ids(seen(socket(**_FULL, **held))) == expected


def test_one_unread_notification_is_no_disorder() -> None:
    held = {"enobufs_unread_bytes": 832, "enobufs_in_flight_bytes": 832}
    assert ids(seen(socket(**{**_FULL, "errqueue_depth_max": 1}, **held))) == ["limit-too-small"]


def test_the_limit_that_is_enough_is_told_with_its_numbers() -> None:
    full = {**_FULL, "optmem_max_bytes": 20480, "optmem_peak_bytes": 19968, "errqueue_depth_max": 1}
    finding = found(seen(socket(**full, enobufs_in_flight_bytes=5 * 19968)), "limit-too-small")
    assert finding.evidence["optmem_enough_bytes"] == 65536
    assert finding.evidence["enough_is"] == "a bound"
    assert finding.evidence["in_flight_share"] == 1.0
    assert "Set net.core.optmem_max to 65536" in finding.do
    assert "65 sends of 65,536 bytes" in finding.do
    assert "look again" not in finding.do
    assert "5 send calls returned ENOBUFS" in finding.what


def test_a_guess_is_told_as_such() -> None:
    finding = found(seen(socket(**_FULL, enobufs_in_flight_bytes=5 * 130624)), "limit-too-small")
    assert finding.evidence["enough_is"] == "a guess"
    assert "Set net.core.optmem_max to 262144" in finding.do
    assert "look again" in finding.do
    assert "twice the 157 notifications" in finding.do


def test_a_limit_that_was_raised_meanwhile_is_left() -> None:
    raised = {**_FULL, "optmem_max_bytes": 1 << 20}
    assert found(seen(socket(**raised, enobufs_in_flight_bytes=1)), "limit-too-small").do.startswith("Leave")


def test_a_full_level_without_holders_is_a_limit_that_is_too_small() -> None:
    unknown = socket(**{**_FULL, "enobufs_causes": None}, enobufs_unread_bytes=None, unread_peak_bytes=None)
    assert ids(seen(unknown, detail=None)) == ["limit-too-small"]


def test_a_sample_close_to_the_limit_says_that_peaks_are_missed() -> None:
    sampled = socket(optmem_peak_bytes=110_000, enobufs=None, enobufs_causes=None)
    assert "peaks between samples are missed" in found(seen(sampled, detail="sample"), "limit-too-small").what


def test_unread_notifications_that_hold_half_of_the_limit_are_told_before_a_send_is_refused() -> None:
    half = {"errqueue_depth_max": 80, "unread_peak_bytes": 80 * 832}
    assert ids(seen(socket(**half))) == ["unread-out-of-order"]
    assert ids(seen(socket(**{**half, "unread_peak_bytes": 70 * 832}))) == ["nothing-wrong"]


def test_it_is_told_who_reads_when_last_and_who_held_the_late_ones() -> None:
    held = {"enobufs_unread_bytes": 9, "enobufs_in_flight_bytes": 1, "last_read_ns_ago": 2_000_000_000}
    late = {"readers": {"main": 3, "multifdsend_0": 7}, "late_holders": {"tcp_ack": 2, "ifb_xmit": 40}}
    finding = found(seen(socket(**_FULL, **held, **late, tail_lo=12, tail_hi=17)), "unread-out-of-order")
    assert "multifdsend_0 read 7 notifications, the last time 2 s before the end" in finding.what
    assert "The data of 40 late completions was held last by ifb_xmit" in finding.what
    told = ("reader", "late_holder", "tail_lo", "tail_hi", "unread_share")
    assert [finding.evidence[name] for name in told] == ["multifdsend_0", "ifb_xmit", 12, 17, 0.9]


@pytest.mark.parametrize(("readers", "told"), [({}, "Nobody read the queue"), (None, "was not seen")])
def test_nobody_is_not_the_same_as_not_seen(readers: dict[str, int] | None, told: str) -> None:
    held = {"enobufs_unread_bytes": 9, "enobufs_in_flight_bytes": 1, "readers": readers}
    assert told in found(seen(socket(**_FULL, **held)), "unread-out-of-order").what


def test_only_a_qemu_is_told_what_qemu_does() -> None:
    full = socket(**_FULL, enobufs_unread_bytes=9, enobufs_in_flight_bytes=1)
    assert "QEMU" not in found(seen(full), "unread-out-of-order").do
    threads = [ThreadSummary(tid=7, comm="multifdsend_0")]
    assert "QEMU" in found(seen(full, threads=threads), "unread-out-of-order").do


def test_a_holder_without_a_name_is_not_told() -> None:
    held = {"enobufs_unread_bytes": 9, "enobufs_in_flight_bytes": 1}
    unnamed = found(seen(socket(**_FULL, **held, late_holders={"": 40, "(not seen)": 3})), "unread-out-of-order")
    assert "held last" not in unnamed.what
    assert unnamed.evidence["late_holder"] is None
    named = found(seen(socket(**_FULL, **held, late_holders={"": 40, "ifb_xmit": 2})), "unread-out-of-order")
    assert named.evidence["late_holder"] == "ifb_xmit"


def test_a_baseline_that_leaves_room_for_one_notification_is_a_limit_that_is_too_small() -> None:
    held = {"enobufs_unread_bytes": 5 * 832, "enobufs_in_flight_bytes": 0, "optmem_baseline_bytes": 129_792}
    assert ids(seen(socket(**{**_FULL, "errqueue_depth_max": 1}, **held))) == ["limit-too-small"]


def test_the_levels_are_those_of_the_socket_with_the_longest_queue() -> None:
    held = {"enobufs_unread_bytes": 9, "enobufs_in_flight_bytes": 1}
    most = socket(**{**_FULL, "enobufs_causes": {"optmem": 9}}, **held)
    longest = socket(**{**_FULL, "errqueue_depth_max": 150, "optmem_peak_bytes": 130_600}, **held)
    finding = found(seen(most, longest), "unread-out-of-order")
    assert (finding.evidence["errqueue_depth_max"], finding.evidence["optmem_peak_bytes"]) == (150, 130_600)


def test_a_limit_that_alone_is_not_enough_is_told_as_such() -> None:
    mixed = socket(**_FULL, flushes=5, enobufs_unread_bytes=50 * 832, enobufs_in_flight_bytes=50 * 832)
    do = found(seen(mixed), "limit-too-small").do
    assert "No limit is enough alone" in do
    ordered = socket(**{**_FULL, "errqueue_depth_max": 1}, enobufs_in_flight_bytes=5 * 130624)
    assert "No limit is enough alone" not in found(seen(ordered), "limit-too-small").do


def test_how_often_to_read_is_told() -> None:
    unread = socket(**_FULL, flushes=5, enobufs_unread_bytes=5 * 100000, enobufs_in_flight_bytes=5 * 20000)
    need = predict_socket(unread)
    assert need is not None
    assert not need.bounded
    assert f"at least every {need.read_every_sends:,} sends" in found(seen(unread), "unread-out-of-order").do
