# SPDX-License-Identifier: GPL-2.0-only
"""The limit that a diagnosis gives is enough: with it, a sender that died of ENOBUFS completes."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from zcprobe.analysis.diagnosis import diagnose
from zcprobe.analysis.diagnosis.observed import observed
from zcprobe.dataset.load import Run, load_run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def _run(zcprobe: Command, folder: Path, scenario: str, optmem_bytes: int) -> Run:
    words = ("run", "--scenario", scenario, "--policy", "qemu-pre", "--optmem", str(optmem_bytes), "-J")
    return load_run(folder / msgspec.json.decode(zcprobe(*words).stdout)["folder"])


@pytest.mark.parametrize("scenario", ["in-flight", "slow-reader"])
def test_a_sender_that_died_completes_with_the_limit_that_the_diagnosis_gives(
    scenario: str, zcprobe: Command, tmp_path: Path
) -> None:
    dead = _run(zcprobe, tmp_path, scenario, 20480)
    assert dead.sender.outcome == "dead_enobufs"
    (finding,) = diagnose(observed(dead))
    assert (finding.id, finding.evidence["enough_is"]) == ("limit-too-small", "a bound")
    enough = finding.evidence["optmem_enough_bytes"]
    assert isinstance(enough, int)
    alive = _run(zcprobe, tmp_path, scenario, enough)
    assert alive.sender.outcome == "completed"
    assert alive.sender.enobufs_count == 0
    assert alive.kernel.optmem_peak_bytes > 20480
    assert [found.id for found in diagnose(observed(alive))] == ["nothing-wrong"]
