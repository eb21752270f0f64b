# SPDX-License-Identifier: GPL-2.0-only
"""RLIMIT_MEMLOCK, by every name of its causes."""

import msgspec
import pytest

from tests.unit.analysis.diagnosis.seen import found, ids, seen, socket
from zcprobe.analysis.diagnosis import judge
from zcprobe.format.attachment import ProcessFacts
from zcprobe.format.causes import MEMLOCK_CAUSES

_PROCESS = ProcessFacts(
    pid=411, comm="qemu", memlock_limit_bytes=8 << 20, locked_bytes_of_user=8300000, has_cap_ipc_lock=False
)


@pytest.mark.parametrize("cause", MEMLOCK_CAUSES)
def test_every_cause_of_memlock_is_this_finding(cause: str) -> None:
    assert ids(seen(socket(enobufs=1, enobufs_causes={cause: 1}))) == ["memlock"]


def test_limit_locked_pages_and_capability_are_told() -> None:
    refused = socket(pid=411, enobufs=9, enobufs_causes={"memlock_new": 7, "memlock_extended": 2})
    finding = found(seen(refused, processes=[_PROCESS]), "memlock")
    assert "9 send calls" in finding.what
    assert "8,388,608 bytes" in finding.what
    assert "8,300,000 bytes locked" in finding.what
    assert "no CAP_IPC_LOCK" in finding.what
    assert "prlimit --pid 411" in finding.do
    assert finding.evidence["has_cap_ipc_lock"] == "no"
    assert finding.evidence["enobufs_memlock_count"] == 9


def test_the_facts_of_another_process_are_not_told() -> None:
    refused = socket(pid=412, enobufs=1, enobufs_causes={"memlock_new": 1})
    finding = found(seen(refused, processes=[_PROCESS]), "memlock")
    assert finding.evidence["memlock_limit_bytes"] is None
    assert "8,388,608" not in finding.what


def test_memlock_and_optmem_can_both_refuse() -> None:
    both = {"enobufs": 2, "enobufs_causes": {"memlock_new": 1, "optmem": 1}, "enobufs_in_flight_bytes": 1}
    assert ids(seen(socket(**both))) == ["memlock", "limit-too-small"]


def test_a_refusal_whose_cause_was_not_seen_is_neither_memlock_nor_nothing() -> None:
    judged = judge(seen(socket(enobufs=3, enobufs_causes=None), detail=None))
    assert judged.findings == []
    assert judged.unexplained == "3 of unknown cause"
    assert "why a send was refused" in judged.not_seen


def test_a_limit_that_was_lifted_after_the_refusals_is_not_a_number() -> None:
    refused = socket(pid=411, enobufs=1, enobufs_causes={"memlock_new": 1})
    lifted = msgspec.structs.replace(_PROCESS, memlock_limit_bytes=-1)
    told = found(seen(refused, processes=[lifted]), "memlock").what
    assert "qemu has no such limit now" in told
    assert "-1" not in told
