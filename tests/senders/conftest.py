# SPDX-License-Identifier: GPL-2.0-only
"""Each real migration is made once, and every test looks at what was observed of it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import read_host_state
from tests.senders.cells import CELLS, Cell
from tests.senders.hypervisor import Hypervisor, Observed, hypervisor
from tests.senders.results import save
from tests.senders.versions import Version


def pytest_configure(config: pytest.Config) -> None:
    if os.geteuid():
        raise pytest.UsageError("the tests with real senders need root: network namespaces, ptrace, BPF")


_ATTEMPTS = 4


class Sources:
    """The hypervisor of the version that was asked for last. The cells are in the order of the versions, so each is
    booted once."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._now: Hypervisor | None = None

    def of(self, version: Version) -> Hypervisor:
        if self._now is None or self._now.version != version:
            self.close()
            self._now = self._open.enter_context(hypervisor(version))
        return self._now

    def close(self) -> None:
        self._now = None
        self._open.close()


@pytest.fixture(scope="session")
def sources() -> Iterator[Sources]:
    """Leaves nothing on the host: neither namespaces nor journals nor processes."""
    before = read_host_state()
    found = Sources()
    yield found
    found.close()
    assert read_host_state().new_since(before) == {}


@pytest.fixture(scope="session", params=CELLS, ids=str)
def cell(request: pytest.FixtureRequest) -> Cell:
    return request.param


@pytest.fixture(scope="session")
def observed(cell: Cell, sources: Sources) -> Observed:
    """A migration by that version with that limit. What a sender does about ENOBUFS shows only in a migration that met
    one; on a busy machine none may come, so there are several attempts."""
    source = sources.of(cell.version)
    for _ in range(_ATTEMPTS):
        seen = source.migrate(cell.optmem_bytes, cell.downtime_ms)
        if seen.enobufs or cell.survives is None:
            break
    save(f"qemu-{cell}", seen)
    return seen
