# SPDX-License-Identifier: GPL-2.0-only
"""The tests' own sockets in a pair of namespaces, with the probes watching them."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zcprobe.config import ProbeLevel, ProbeMechanism
from zcprobe.journal import journal
from zcprobe.lab.netns import NamespacePair, namespace_pair
from zcprobe.native.structs import dtype_of
from zcprobe.probes.measurement import MeasurementCounts, Target
from zcprobe.probes.mechanisms import try_mechanisms
from zcprobe.probes.session import ProbeSession

IN_GUEST = "ZCPROBE_GUEST_KERNEL" in os.environ
"""Whether this is a guest of tests/guests/, which runs in emulation at a twentieth to a fortieth of this machine's
speed."""

Watch = Callable[..., tuple[MeasurementCounts, NDArray[np.void]]]

AVAILABLE = [trial.mechanism for trial in try_mechanisms() if trial.refusal is None] if os.geteuid() == 0 else []
"""The mechanisms of this kernel. Other tests check what doctor says about them."""


def may_have_missed(mechanism: str, missed_runs: dict[str, int]) -> bool:
    """Whether counts may differ because the kernel skipped a probe and reported it. It skips a program that is already
    running, interrupted or preempted, on the same CPU. It also skips a kprobe, not always counting it, while it handles
    another one."""
    return mechanism == "kprobe" or bool(missed_runs)


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    """Loads the probes once for all tests in a guest, where loading takes a quarter of a minute."""
    return "session" if IN_GUEST else "module"


_opened = ExitStack()
_sessions: dict[str, ProbeSession] = {}


def session_of(mechanism: ProbeMechanism) -> ProbeSession:
    """The session that all tests share. It is loaded for the first of them."""
    if mechanism not in _sessions:
        _sessions[mechanism] = _opened.enter_context(ProbeSession(mechanism))
    return _sessions[mechanism]


def detach_all() -> None:
    _sessions.clear()
    _opened.close()


@pytest.fixture(scope=_scope)
def sessions() -> Iterator[dict[str, ProbeSession]]:
    """One session for every mechanism that this kernel has, all attached at once; they do not affect each other."""
    yield {mechanism: session_of(mechanism) for mechanism in AVAILABLE}
    detach_all()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Detaches after the tests of this folder, because later tests in a guest lock the kernel down, which would keep
    kprobes attached."""
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        detach_all()


@pytest.fixture(scope=_scope, params=AVAILABLE)
def probes(request: pytest.FixtureRequest, sessions: dict[str, ProbeSession]) -> ProbeSession:
    """Sessions of every mechanism that this kernel has."""
    session = sessions[request.param]
    assert session.mechanism == request.param
    return session


_CPUS = Path("/sys/devices/system/cpu")


@pytest.fixture(scope="module")
def all_cpus() -> Iterator[None]:
    """Brings CPUs online that a guest leaves offline; a host's CPUs are left alone."""
    paths = sorted(_CPUS.glob("cpu[0-9]*/online")) if IN_GUEST else []
    switches = [path for path in paths if path.read_text() == "0\n"]
    for switch in switches:
        switch.write_text("1")
    yield
    for switch in switches:
        switch.write_text("0")


@pytest.fixture
def pair() -> Iterator[NamespacePair]:
    with journal(f"probes{os.getpid()}") as opened, namespace_pair(opened) as made:
        yield made


@pytest.fixture
def watch(probes: ProbeSession, pair: NamespacePair, tmp_path: Path) -> Watch:
    """Runs something while the probes watch the sockets of the sender's namespace; returns the counts, and the events
    as records."""

    def run(work: Callable[[], object], *, tgid: int = 0, level: ProbeLevel = "timeline") -> tuple[object, object]:
        path = tmp_path / "events"
        with probes.measure(Target(pair.sender.inode, tgid=tgid, level=level), path) as counts:
            work()
        assert counts.lost_events == 0
        return counts, np.fromfile(path, dtype_of("zc_kernel_event"))

    return run  # type: ignore[return-value]
