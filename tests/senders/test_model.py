# SPDX-License-Identifier: GPL-2.0-only
"""Our own sender, with the preset and the policy that stands for a version, ends as a real migration by that version
does."""

import pytest

from tests.senders.cells import CELLS, LIMITS_BYTES
from tests.senders.model import REPEATS, Modelled, model
from tests.senders.results import save


@pytest.fixture(scope="module", params=LIMITS_BYTES)
def modelled(request: pytest.FixtureRequest) -> dict[str, Modelled]:
    """Policy -> its runs with that limit."""
    found = model(request.param)
    for of_policy in found.values():
        save(f"model-{of_policy}", of_policy)
    return found


def _expected(policy: str, optmem_bytes: int) -> set[str]:
    """How a run may end: as the migrations do, of the versions for which the policy stands."""
    cells = [cell for cell in CELLS if (cell.version.policy, cell.optmem_bytes) == (policy, optmem_bytes)]
    survives = [cell.survives for cell in cells if cell.version.is_modelled]
    ends = {True: {"completed"}, False: {"dead_enobufs"}, None: {"completed", "dead_enobufs"}}
    return set.union(*(ends[how] for how in survives))


def test_every_run_ends_as_the_migrations_do(modelled: dict[str, Modelled]) -> None:
    for policy, of_policy in modelled.items():
        assert len(of_policy.outcomes) == REPEATS
        assert of_policy.refused
        assert {how for how, _ in of_policy.refused} <= _expected(policy, of_policy.optmem_bytes)
        others = [how for how, count in zip(of_policy.outcomes, of_policy.enobufs, strict=True) if not count]
        assert set(others) <= {"completed"}


def test_the_preset_is_told_by_the_options_that_it_stands_for(modelled: dict[str, Modelled]) -> None:
    for config in (config for of_policy in modelled.values() for config in of_policy.configurations):
        assert (config.scenario, config.channels, config.socket.pacing_bps) == ("held-completions", 2, 2_100_000_000)
        assert (config.hold_one_in_count, config.hold_rate_bps) == (16, 200_000_000)
        traffic = config.traffic
        assert (traffic.model, traffic.guest_bytes, traffic.dirty_bytes_per_s) == ("migration", 512 << 20, 100 << 20)
