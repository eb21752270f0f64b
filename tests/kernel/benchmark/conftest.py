# SPDX-License-Identifier: GPL-2.0-only
"""Whole runs in this process, each checked for what must hold for any run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.benchmark.run import record_run
from zcprobe.config import RunConfig
from zcprobe.dataset.load import Run, load_run
from zcprobe.interrupt import Interruption
from zcprobe.policies import find_policy
from zcprobe.probes.session import ProbeSession

Measure = Callable[..., Run]


@pytest.fixture(scope="module")
def probes() -> Iterator[ProbeSession]:
    with ProbeSession() as session:
        yield session


@pytest.fixture
def measure(probes: ProbeSession, tmp_path: Path) -> Measure:
    """A run of the given configuration, with the policy's own defaults, whose counts all reconcile."""

    def run(**config: Any) -> Run:
        config.setdefault("parameters", find_policy(config.get("policy", "qemu-merged")).defaults)
        completed = record_run(benchmark_of(RunConfig(**config)), tmp_path, probes, Interruption())
        measured = load_run(completed.folder)
        assert [finding for finding in measured.meta.reconciliation if not finding.holds] == []
        assert measured.meta.complete
        assert measured.kernel.lost_events == measured.sender.lost_records == 0
        return measured

    return run
