# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path
from typing import Any

import msgspec
import pytest

from zcprobe.errors import DataLossError, ReconciliationError
from zcprobe.format.findings import Finding
from zcprobe.format.metadata import Recording
from zcprobe.recorder.reconcile import check_complete, equal, labelled, none_lost

FOLDER = Path("results/run")


def recording(*findings: Finding, **members: Any) -> Recording:
    empty: dict[str, Any] = {field.name: None for field in msgspec.structs.fields(Recording)}
    return Recording(**{**empty, "reconciliation": list(findings), "missed_runs": {}, **members})


def test_what_was_lost_is_of_its_own_kind() -> None:
    assert none_lost("lost events", 0).holds
    assert not none_lost("lost events", 1).holds
    assert none_lost("lost events", 1).kind == "lost"
    assert equal("merges", 23, 22).kind == "mismatch"


def test_only_where_there_are_several_sockets_is_each_named() -> None:
    findings = [equal("merges", 23, 22), equal("reads", 5, 5)]
    assert labelled("", findings) == findings
    assert [finding.what for finding in labelled("channel 1", findings)] == ["channel 1: merges", "channel 1: reads"]
    assert [finding.holds for finding in labelled("channel 1", findings)] == [False, True]


def test_a_complete_recording_is_no_error() -> None:
    check_complete(recording(equal("merges", 23, 23), none_lost("lost events", 0)), FOLDER)


def test_a_loss_explains_a_difference() -> None:
    with pytest.raises(DataLossError, match=r"lost events: expected 0, found 2 \(kept in results/run\)"):
        check_complete(recording(equal("merges", 23, 22), none_lost("lost events", 2)), FOLDER)


def test_a_difference_names_the_probes_that_the_kernel_skipped() -> None:
    differing = equal("merges", 23, 22)
    with pytest.raises(ReconciliationError, match="merges: expected 23, found 22") as refusal:
        check_complete(recording(differing), FOLDER)
    assert "skipped" not in str(refusal.value)
    with pytest.raises(ReconciliationError, match=r"skipped runs of probes \(on_sock_ofree: 1\)"):
        check_complete(recording(differing, missed_runs={"on_sock_ofree": 1}), FOLDER)
