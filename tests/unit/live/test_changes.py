# SPDX-License-Identifier: GPL-2.0-only
"""Lines tell what is new since the last interval, once."""

from zcprobe.format.attachment import AttachmentSummary, SocketSummary
from zcprobe.format.diagnosis import Diagnosed
from zcprobe.live.changes import Changes


def summary(*sockets: SocketSummary, findings: tuple[str, ...] = ()) -> AttachmentSummary:
    return AttachmentSummary(
        detail="causes",
        duration_ns=1,
        sockets=list(sockets),
        findings=[Diagnosed(id=one, what="", evidence={}, do="") for one in findings],  # type: ignore[arg-type]
    )


def socket(number: int | None, **causes: int) -> SocketSummary:
    return SocketSummary(number=number, fd=27, remote="10.0.0.2:4444", protocol="tcp", enobufs_causes=causes)


def test_refused_calls_are_told_once_and_by_cause() -> None:
    changes = Changes()
    assert changes.lines(summary(socket(0, optmem=2, memlock=1))) == [
        "ENOBUFS 3 times (1 memlock, 2 optmem): fd 27 to 10.0.0.2:4444"
    ]
    assert changes.lines(summary(socket(0, optmem=2, memlock=1))) == []
    assert changes.lines(summary(socket(0, optmem=7, memlock=1), socket(1))) == [
        "ENOBUFS 5 times (5 optmem): fd 27 to 10.0.0.2:4444"
    ]


def test_a_single_refused_call_is_told_as_such() -> None:
    assert Changes().lines(summary(socket(0, optmem=1))) == ["ENOBUFS once (1 optmem): fd 27 to 10.0.0.2:4444"]


def test_sockets_that_no_look_saw_are_told_together() -> None:
    changes = Changes()
    assert changes.lines(summary(socket(None, optmem=1), socket(None, optmem=2))) == [
        "ENOBUFS 3 times (3 optmem): sockets that were open between two looks"
    ]
    assert changes.lines(summary(socket(None, optmem=1), socket(None, optmem=2))) == []


def test_findings_are_told_when_they_come_and_when_they_go() -> None:
    changes = Changes()
    assert changes.lines(summary(findings=("nothing-wrong",))) == ["the diagnosis has nothing-wrong now"]
    assert changes.lines(summary(findings=("nothing-wrong",))) == []
    assert changes.lines(summary(findings=("memlock",))) == [
        "the diagnosis has memlock now",
        "the diagnosis has nothing-wrong no more",
    ]


def test_where_nothing_counts_refused_calls_nothing_is_told() -> None:
    seen = SocketSummary(number=0, protocol="tcp", enobufs_causes=None)
    assert Changes().lines(summary(seen)) == []
