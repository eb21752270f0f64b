# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe campaign questions`: questions answered by real runs, and their numbers computed anew from the folders."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from zcprobe.dataset.campaign import read_campaign

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

_LONGEST_S = 180.0

Start = Callable[..., "subprocess.Popen[str]"]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def test_some_questions_are_answered(zcprobe: Command, start_zcprobe: Start, tmp_path: Path) -> None:
    """Thirty-six short runs. None of these answers depends on speed."""
    process = start_zcprobe("campaign", "questions", "--quick", "--only", "Q12,Q11")
    out, told = process.communicate(timeout=_LONGEST_S)
    assert process.returncode == 0, told
    (folder,) = (tmp_path / "results").iterdir()
    campaign = read_campaign(folder)
    assert (campaign.ended, len(campaign.points)) == ("complete", 6)
    assert {len(point.runs) for point in campaign.points} == {6}

    answers = msgspec.json.decode((folder / "questions.json").read_bytes())
    assert [(one["id"], one["answered"]) for one in answers] == [("Q11", True), ("Q12", True)], answers
    for one in answers:
        assert one["answer"] in " ".join(out.split())
        assert {name for runs in one["runs"].values() for name in runs} <= {path.name for path in folder.iterdir()}
    outcomes = {(one["quantity"], one["cell"]): one["value"] for one in answers[0]["numbers"]}
    assert outcomes["dead_timeout_share", "POLLIN"] == 1
    assert outcomes["completed_share", "POLLERR"] == 1
    assert outcomes["spurious_wakeups", "POLLERR"] == 0
    assert outcomes["spurious_wakeups", "POLLIN"] > 100
    assert (folder / "questions.html").read_text().count("<figure") == 2

    shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("questions.*"))
    again = zcprobe("answer", folder.name, "-J")
    assert msgspec.json.decode(again.stdout) == answers
    assert zcprobe("campaign", str(folder), "--resume").returncode == 0
    assert msgspec.json.decode((folder / "questions.json").read_bytes()) == answers
