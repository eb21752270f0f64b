# SPDX-License-Identifier: GPL-2.0-only
"""The kernel keeps one account of locked pages per user, so runs that are subject to it take turns."""

import os
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

import zcprobe as package

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

Start = Callable[..., "subprocess.Popen[str]"]
MEMLOCK = ("run", "--scenario", "memlock", "--policy", "qemu-merged", "-t", "1", "--probes", "none")


def test_runs_of_memlock_at_once_end_as_each_does_alone(start_zcprobe: Start, tmp_path: Path) -> None:
    processes = [start_zcprobe(*MEMLOCK) for _ in range(3)]
    told = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sum("waits for its turn" in text for text in told) == 2
    runs = [package.load(folder) for folder in (tmp_path / "results").iterdir()]
    assert [run.sender.outcome for run in runs] == ["completed"] * 3
    spans = sorted((run.sends["start_ns"].min(), run.sends["start_ns"].max()) for run in runs)
    assert all(ended < began for (_, ended), (began, _) in pairwise(spans))
