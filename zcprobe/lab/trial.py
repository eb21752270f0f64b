# SPDX-License-Identifier: GPL-2.0-only
"""Tries what each scenario needs of this host: puts its impairments on an idle path and removes them again."""

from zcprobe.errors import HostError
from zcprobe.journal import journal
from zcprobe.lab.open import open_path
from zcprobe.lab.scenarios import SCENARIOS, Scenario

__all__ = ["try_scenario", "try_scenarios"]


def try_scenario(scenario: Scenario, run_id: str) -> HostError | None:
    """The reason why this host cannot run the scenario, or None."""
    try:
        with (
            journal(run_id) as entry,
            open_path(
                scenario.name,
                run_id=run_id,
                family="ipv4",
                optmem_max_bytes=scenario.optmem_max_bytes,
                run_journal=entry,
            ) as place,
        ):
            place.impair(scenario)
    except HostError as error:
        return error
    return None


def try_scenarios(run_id: str) -> dict[str, HostError | None]:
    """Scenario -> why this host cannot run it, or None. Takes about a tenth of a second each; `run_id` names the
    namespaces."""
    return {
        name: try_scenario(scenario, f"{run_id}-{number}") for number, (name, scenario) in enumerate(SCENARIOS.items())
    }
