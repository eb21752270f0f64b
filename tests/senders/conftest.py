# SPDX-License-Identifier: GPL-2.0-only
"""Each real migration is made once, and every test looks at what was observed of it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import read_host_state
from tests.senders.cells import ROUNDS, Cell, Round
from tests.senders.hypervisor import Hypervisor, Observed, hypervisor
from tests.senders.results import save
from tests.senders.versions import Version


def pytest_configure(config: pytest.Config) -> None:
    if os.geteuid():
        raise pytest.UsageError("the tests with real senders need root: network namespaces, ptrace, BPF")


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


@pytest.fixture(scope="session", params=ROUNDS, ids=str)
def of_cell(request: pytest.FixtureRequest) -> Round:
    return request.param


@pytest.fixture(scope="session")
def cell(of_cell: Round) -> Cell:
    return of_cell.cell


@pytest.fixture(scope="session")
def observed(of_cell: Round, cell: Cell, sources: Sources) -> Observed:
    """A migration by that version with that limit."""
    source = sources.of(cell.version)
    migrate = source.migrate if cell.survives is None else source.migrate_until_refused
    seen = migrate(cell.optmem_bytes, cell.downtime_ms)
    save(f"qemu-{of_cell}", seen)
    return seen
