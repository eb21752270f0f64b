# SPDX-License-Identifier: GPL-2.0-only
"""Whatever was seen or not seen, a diagnosis is made, and what was not seen is in no sentence."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from zcprobe.analysis.diagnosis import judge
from zcprobe.format.attachment import (
    Observation,
    ProcessFacts,
    SocketSummary,
    ThreadSummary,
    UringSummary,
)
from zcprobe.format.causes import CAUSES, MEMLOCK_CAUSES
from zcprobe.format.diagnosis import DIAGNOSES

_COUNT = some.none() | some.sampled_from([0, 1, 2, 100, 832, 1009, 20480, 130624, 131072, 1 << 40])
_YES_OR_NO = some.none() | some.booleans()
_NAME = some.none() | some.sampled_from(["eth0", "10.0.0.2:5301"])
_CAUSES = some.none() | some.dictionaries(some.sampled_from([*CAUSES, *MEMLOCK_CAUSES]), some.integers(0, 9))
_NAMED = some.none() | some.dictionaries(some.sampled_from(["main", "ifb_xmit"]), some.integers(1, 9))
_SPECIAL: dict[str, Any] = {
    "protocol": some.sampled_from(["tcp", "udp", "unix", "vsock"]),
    "zerocopy_enabled": _YES_OR_NO,
    "scatter_gather": _YES_OR_NO,
    "device_kind": some.none() | some.sampled_from(["loopback", "veth", "tun", "physical", "bridge"]),
    "enobufs_causes": _CAUSES,
    "readers": _NAMED,
    "late_holders": _NAMED,
    **dict.fromkeys(("local", "remote", "state", "device"), _NAME),
}
_SOCKET = some.builds(SocketSummary, **{name: _SPECIAL.get(name, _COUNT) for name in SocketSummary.__struct_fields__})
_SEEN = some.builds(
    Observation,
    detail=some.sampled_from([None, "sample", "causes"]),
    duration_ns=some.just(1),
    local_by_design=some.booleans(),
    sockets=some.lists(_SOCKET, max_size=3),
    threads=some.lists(some.builds(ThreadSummary, tid=some.just(1), comm=some.sampled_from(["a", "multifdsend_0"]))),
    processes=some.lists(
        some.builds(
            ProcessFacts,
            pid=_COUNT,
            comm=some.sampled_from(["qemu", "a"]),
            memlock_limit_bytes=_COUNT,
            locked_bytes_of_user=_COUNT,
            has_cap_ipc_lock=_YES_OR_NO,
        ),
        max_size=2,
    ),
    uring=some.none()
    | some.builds(UringSummary, requests=some.integers(0, 99), notifications=some.integers(0, 99), copied_true=_COUNT),
)


@given(_SEEN)
def test_no_sentence_tells_what_was_not_seen(seen: Observation) -> None:
    judged = judge(seen)
    names = [finding.id for finding in judged.findings]
    assert names == sorted(set(names), key=DIAGNOSES.index)
    assert names or judged.unexplained
    assert names == ["nothing-wrong"] or "nothing-wrong" not in names
    for finding in judged.findings:
        assert "None" not in finding.what + finding.do
        assert finding.what.endswith(".")
        assert finding.do.endswith(".")
        assert {type(value) for value in finding.evidence.values()} <= {int, float, str, type(None)}
