# SPDX-License-Identifier: GPL-2.0-only
"""Running totals: exact sums that never go down, whatever comes and goes."""

from typing import Any

from zcprobe.attach.totals import RunningTotals, Totals
from zcprobe.format.attachment import AttachmentSummary, ProcessFacts, SocketSummary
from zcprobe.format.causes import CAUSES
from zcprobe.format.diagnosis import Diagnosed

_NOTHING = Diagnosed(id="nothing-wrong", what="", evidence={}, do="")


def _socket(number: int | None, **members: Any) -> SocketSummary:
    return SocketSummary(**{"number": number, "pid": 7, "fd": number, "protocol": "tcp", **members})


def _summary(*sockets: SocketSummary) -> AttachmentSummary:
    processes = [ProcessFacts(pid=7, comm="sender"), ProcessFacts(pid=8, comm="other")]
    return AttachmentSummary(
        detail="causes", duration_ns=3, sockets=list(sockets), processes=processes, findings=[_NOTHING]
    )


def _sample(**members: Any) -> dict[str, Any]:
    given = {"pid": 7, "fd": 3, "protocol": "tcp", "local": None, "remote": None, "state": "ESTAB"}
    levels = {"optmem_peak_bytes": 10, "optmem_max_bytes": 100, "errqueue_depth_max": 1}
    return {**given, **levels, "in_flight_peak_bytes": None, "unread_peak_bytes": 5, **members}


def _sends(totals: Totals) -> dict[tuple[str, ...], int]:
    return totals.counters["sends"]


def test_what_a_socket_had_sent_stays_when_it_is_forgotten() -> None:
    totals = RunningTotals()
    totals.update(_summary(_socket(0, sends=101), _socket(1, sends=7)), [])
    assert _sends(totals.update(_summary(_socket(1, sends=11)), [])) == {("sender",): 112}


def test_a_descriptor_that_is_used_again_is_another_socket() -> None:
    totals = RunningTotals(("pid", "fd"))
    totals.update(_summary(_socket(0, fd=3, sends=101)), [])
    again = totals.update(_summary(_socket(0, fd=3, sends=101), _socket(1, fd=3, sends=7)), [])
    assert _sends(again) == {("7", "3"): 108}


def test_a_send_that_was_taken_back_is_counted_once() -> None:
    totals = RunningTotals()
    counts = [_sends(totals.update(_summary(_socket(0, sends=count)), []))[("sender",)] for count in (5, 4, 5, 6)]
    assert counts == [5, 5, 5, 6]


def test_labels_tell_totals_apart() -> None:
    summary = _summary(_socket(0, sends=1), _socket(1, sends=2, pid=8), _socket(2, sends=4, pid=9))
    assert _sends(RunningTotals().update(summary, [])) == {("sender",): 1, ("other",): 2, ("",): 4}
    assert _sends(RunningTotals(()).update(summary, [])) == {(): 7}


def test_what_was_not_seen_is_missing_and_not_zero() -> None:
    totals = RunningTotals().update(_summary(_socket(0, sends=0)), [])
    assert set(totals.counters) == {"sends"}
    assert totals.enobufs == {}


def test_sockets_without_zerocopy_have_no_number_and_are_left_out() -> None:
    assert RunningTotals().update(_summary(_socket(None, sends=5)), []).counters == {}


def test_every_cause_is_there_before_its_first_call() -> None:
    totals = RunningTotals()
    assert totals.update(_summary(_socket(0, enobufs_causes={})), []).enobufs == {
        ("sender", cause): 0 for cause in CAUSES
    }
    refused = totals.update(_summary(_socket(0, enobufs_causes={"optmem": 3})), []).enobufs
    assert refused["sender", "optmem"] == 3
    assert sum(refused.values()) == 3


def test_calls_of_unknown_cause_are_called_so() -> None:
    assert RunningTotals().update(_summary(_socket(0, enobufs=2)), []).enobufs == {("sender", "unknown"): 2}


def test_levels_are_the_highest_of_the_open_sockets() -> None:
    samples = [
        _sample(optmem_peak_bytes=50, optmem_max_bytes=1000),
        _sample(optmem_peak_bytes=40),
        _sample(optmem_peak_bytes=99, state="gone"),
    ]
    levels = RunningTotals().update(_summary(), samples).levels
    told = {name: values[("sender",)] for name, values in levels.items() if values}
    assert told == {
        "open_sockets": 2,
        "optmem_peak_bytes": 50,
        "optmem_max_bytes": 100,
        "used_ratio": 0.4,
        "unread_peak_bytes": 5,
        "errqueue_depth_max": 1,
    }


def test_each_finding_holds_or_does_not() -> None:
    findings = RunningTotals().update(_summary(), []).findings
    assert [name for name, holds in findings.items() if holds] == ["nothing-wrong"]
    assert len(findings) == 9


def test_totals_that_were_given_out_do_not_change() -> None:
    totals = RunningTotals()
    first = totals.update(_summary(_socket(0, sends=1, enobufs_causes={})), [])
    totals.update(_summary(_socket(0, sends=9, enobufs_causes={"optmem": 1})), [])
    assert _sends(first) == {("sender",): 1}
    assert first.enobufs["sender", "optmem"] == 0
