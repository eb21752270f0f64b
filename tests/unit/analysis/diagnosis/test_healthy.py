# SPDX-License-Identifier: GPL-2.0-only
"""What is said when nothing is wrong, and how much of it was looked at."""

from tests.unit.analysis.diagnosis.seen import found, seen, socket
from zcprobe.analysis.diagnosis.healthy import unexplained
from zcprobe.format.attachment import SocketSummary, UringSummary


def test_the_headroom_is_that_of_the_fullest_socket() -> None:
    finding = found(seen(socket(), socket(optmem_peak_bytes=100_000)), "nothing-wrong")
    assert finding.evidence["headroom_bytes"] == 31_072
    assert "100,000 of 131,072 bytes (76%), which leaves 31,072" in finding.what
    assert "Not seen" not in finding.what


def test_what_a_detail_could_not_see_is_said() -> None:
    sampled = SocketSummary(
        protocol="tcp", zerocopy_enabled=True, sends=50, optmem_peak_bytes=832, optmem_max_bytes=20480
    )
    told = found(seen(sampled, detail="sample"), "nothing-wrong").what
    assert "Nothing points to ENOBUFS." in told
    assert "Not seen by detail sample: " in told
    assert told.endswith("levels between two samples.")
    assert "why a send was refused" in told


def test_a_process_without_zerocopy_sockets_is_told_why_nothing_can_fail() -> None:
    plain = SocketSummary(protocol="tcp", zerocopy_enabled=False)
    assert "No socket has SO_ZEROCOPY" in found(seen(plain), "nothing-wrong").what


def test_io_uring_is_told_that_no_optmem_is_involved() -> None:
    assert "no optmem is involved" in found(seen(uring=UringSummary(requests=7, notifications=7)), "nothing-wrong").what


def test_completions_that_found_no_room_are_told() -> None:
    uring = UringSummary(requests=7, notifications=7, cq_overflows=3)
    assert "3 completions found the completion queue full" in found(seen(uring=uring), "nothing-wrong").what


def test_causes_without_a_finding_are_named() -> None:
    causes = {"qdisc": 2, "optmem": 5, "ambiguous": 1, "corked": 0}
    assert unexplained(seen(socket(enobufs=8, enobufs_causes=causes))) == "2 qdisc, 1 ambiguous"
    assert unexplained(seen(socket())) is None


def test_what_a_finding_of_optmem_counts_is_not_unexplained() -> None:
    full = socket(enobufs=5, enobufs_causes=None, optmem_peak_bytes=130624)
    assert "5 send calls" in found(seen(full, detail=None), "limit-too-small").what
    assert unexplained(seen(full, detail=None)) is None


def test_a_level_beyond_the_limit_leaves_nothing() -> None:
    assert found(seen(socket(optmem_peak_bytes=131_100)), "nothing-wrong").evidence["headroom_bytes"] == 0
