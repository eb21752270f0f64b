# SPDX-License-Identifier: GPL-2.0-only
"""The rules together."""

import msgspec

from tests.unit.analysis.diagnosis.seen import ids, seen, socket
from zcprobe.analysis.diagnosis import diagnose, is_healthy, judge
from zcprobe.analysis.diagnosis.judge import RULES
from zcprobe.format.attachment import AttachmentSummary, SocketSummary
from zcprobe.format.diagnosis import DIAGNOSES

_EVERYTHING = {
    "enobufs": 30,
    "enobufs_causes": {"optmem": 10, "memlock_new": 10, "foreign_uarg": 10},
    "enobufs_in_flight_bytes": 50,
    "enobufs_unread_bytes": 50,
    "errqueue_depth_max": 80,
    "optmem_peak_bytes": 130624,
    "flushes_empty_then_enobufs": 1,
    "copied_true": 1009,
    "device_kind": "loopback",
    "send_bytes_median": 1000,
}


def test_all_findings_hold_at_once_the_most_severe_first() -> None:
    assert ids(seen(socket(**_EVERYTHING))) == [name for name in DIAGNOSES if name != "nothing-wrong"]


def test_there_is_a_rule_for_each_finding_in_the_order_of_severity() -> None:
    assert [*(rule.__name__.replace("_", "-") for rule in RULES), "nothing-wrong"] == list(DIAGNOSES)


def test_nothing_wrong_stands_alone() -> None:
    healthy = diagnose(seen(socket()))
    assert is_healthy(healthy)
    assert not is_healthy(diagnose(seen(socket(**_EVERYTHING))))
    assert not is_healthy([])


def test_refusals_that_no_rule_explains_are_not_nothing() -> None:
    judged = judge(seen(socket(enobufs=2, enobufs_causes={"qdisc": 2})))
    assert judged.findings == []
    assert judged.unexplained == "2 qdisc"


def test_a_socket_of_which_nothing_was_seen_makes_no_finding() -> None:
    unseen = SocketSummary(protocol="tcp", zerocopy_enabled=True)
    judged = judge(seen(unseen, detail="sample"))
    assert [finding.id for finding in judged.findings] == ["nothing-wrong"]
    assert len(judged.not_seen) == 6


def test_findings_survive_json() -> None:
    everything = seen(socket(**_EVERYTHING))
    summary = AttachmentSummary(
        **{name: getattr(everything, name) for name in everything.__struct_fields__}, findings=diagnose(everything)
    )
    assert msgspec.json.decode(msgspec.json.encode(summary), type=AttachmentSummary) == summary


def test_every_finding_has_whole_sentences() -> None:
    for finding in diagnose(seen(socket(**_EVERYTHING))):
        assert finding.what.endswith(".")
        assert finding.do.endswith(".")
        assert "None" not in finding.what + finding.do
