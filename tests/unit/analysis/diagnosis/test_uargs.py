# SPDX-License-Identifier: GPL-2.0-only
"""Two kinds of zerocopy on one socket."""

import pytest

from tests.unit.analysis.diagnosis.seen import found, ids, seen, socket
from zcprobe.format.attachment import UringSummary


@pytest.mark.parametrize("members", [{"enobufs_causes": {"foreign_uarg": 3}}, {"foreign_uargs": 3}])
def test_a_refusal_for_a_foreign_uarg_is_this_finding(members: dict[str, int]) -> None:
    refused = seen(socket(enobufs=3, **members), uring=UringSummary(requests=11, notifications=11))
    assert ids(refused) == ["foreign-uarg"]
    evidence = found(refused, "foreign-uarg").evidence
    assert (evidence["foreign_uargs"], evidence["uring_request_count"]) == (3, 11)


def test_one_refusal_seen_by_two_probes_counts_once() -> None:
    refused = seen(socket(enobufs=3, enobufs_causes={"foreign_uarg": 3}, foreign_uargs=3))
    assert found(refused, "foreign-uarg").evidence["foreign_uargs"] == 3
