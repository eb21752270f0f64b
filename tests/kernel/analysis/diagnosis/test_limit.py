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


def _raised(zcprobe: Command, folder: Path, scenario: str, dead: Run) -> Run:
    """The same sender with the limit that the diagnosis gives. A bound must be enough. A guess is the next limit to
    try, so it is followed until the sender completes."""
    for _ in range(4):
        (finding,) = diagnose(observed(dead))
        assert finding.id == "limit-too-small"
        enough = finding.evidence["optmem_enough_bytes"]
        assert isinstance(enough, int)
        assert enough > dead.kernel.optmem_max_bytes
        alive = _run(zcprobe, folder, scenario, enough)
        if finding.evidence["enough_is"] == "a bound" or alive.sender.outcome != "dead_enobufs":
            return alive
        dead = alive
    raise AssertionError("four guesses were not enough")


@pytest.mark.parametrize("scenario", ["in-flight", "slow-reader"])
def test_a_sender_that_died_completes_with_the_limit_that_the_diagnosis_gives(
    scenario: str, zcprobe: Command, tmp_path: Path
) -> None:
    dead = _run(zcprobe, tmp_path, scenario, 20480)
    assert dead.sender.outcome == "dead_enobufs"
    alive = _raised(zcprobe, tmp_path, scenario, dead)
    assert alive.sender.outcome == "completed"
    assert alive.sender.enobufs_count == 0
    assert alive.kernel.optmem_peak_bytes > 20480
    assert [found.id for found in diagnose(observed(alive))] == ["nothing-wrong"]
