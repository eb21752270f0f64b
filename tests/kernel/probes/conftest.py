"""Sockets of the tests' own in a pair of namespaces, with the probes aimed at them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from zcprobe.config import ProbeLevel
from zcprobe.lab.journal import journal
from zcprobe.lab.netns import NamespacePair, namespace_pair
from zcprobe.native.structs import dtype_of
from zcprobe.probes.mechanisms import try_mechanisms
from zcprobe.probes.session import MeasurementCounts, ProbeSession, Target

Watch = Callable[..., tuple[MeasurementCounts, NDArray[np.void]]]


AVAILABLE = [trial.mechanism for trial in try_mechanisms() if trial.refusal is None] if os.geteuid() == 0 else []
"""The mechanisms of this kernel: what doctor says of them is tested elsewhere."""


@pytest.fixture(scope="module", params=AVAILABLE)
def probes(request: pytest.FixtureRequest) -> Iterator[ProbeSession]:
    """By every mechanism that this kernel has."""
    with ProbeSession(request.param) as session:
        assert session.mechanism == request.param
        yield session


@pytest.fixture
def pair() -> Iterator[NamespacePair]:
    with journal(f"probes{os.getpid()}") as opened, namespace_pair(opened) as made:
        yield made


@pytest.fixture
def watch(probes: ProbeSession, pair: NamespacePair, tmp_path: Path) -> Watch:
    """Runs something while the sockets of the sender's namespace are watched: the counts, and the events as records."""

    def run(work: Callable[[], object], *, tgid: int = 0, level: ProbeLevel = "timeline") -> tuple[object, object]:
        path = tmp_path / "events"
        with probes.measure(Target(pair.sender.inode, tgid=tgid, level=level), path) as counts:
            work()
        assert counts.lost_events == 0
        return counts, np.fromfile(path, dtype_of("zc_kernel_event"))

    return run  # type: ignore[return-value]
