# SPDX-License-Identifier: GPL-2.0-only
"""A flush that waits is all that the released fix lacks: the same QEMU, with the same limit, then survives."""

from collections.abc import Iterator

import pytest

from tests.senders.cells import CELLS
from tests.senders.hypervisor import Hypervisor, Observed, hypervisor
from tests.senders.results import save
from tests.senders.verdicts import enobufs_by_attach, enobufs_by_strace, first_finding_is_right
from tests.senders.versions import find_version

_VERSION, _LIMIT_BYTES, _DOWNTIME_MS = "11.1", 20480, 100


@pytest.fixture(scope="module")
def waiting() -> Iterator[Hypervisor]:
    with hypervisor(find_version(_VERSION), preload="waiting_flush.c") as found:
        yield found


@pytest.fixture(scope="module", params=range(2))
def observed(request: pytest.FixtureRequest, waiting: Hypervisor) -> Observed:
    seen = waiting.migrate_until_refused(_LIMIT_BYTES, _DOWNTIME_MS)
    save(f"waiting-{_VERSION}-{_LIMIT_BYTES}-{request.param}", seen)
    return seen


def test_it_survives_where_the_same_version_dies(observed: Observed) -> None:
    (released,) = (cell for cell in CELLS if str(cell) == f"{_VERSION}-{_LIMIT_BYTES}")
    assert released.survives is False
    assert observed.survived
    assert observed.enobufs >= 1
    assert all(counts.unwaited_flushes == 0 for counts in observed.threads.values())
    assert enobufs_by_attach(observed) == enobufs_by_strace(observed)
    assert first_finding_is_right(observed)


def test_its_guest_arrives(observed: Observed) -> None:
    assert any(line.startswith("guest: wrote to") for line in observed.guest_at_destination)
