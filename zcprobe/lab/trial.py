"""Tries whether this host can run each scenario: puts its impairments on an idle path and takes them off again."""

from zcprobe.errors import HostError
from zcprobe.journal import journal
from zcprobe.lab.open import open_path
from zcprobe.lab.scenarios import SCENARIOS, Scenario

__all__ = ["try_scenario", "try_scenarios"]


def try_scenario(scenario: Scenario, run_id: str) -> HostError | None:
    """The error with which this host refuses the scenario; None when it can run it."""
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
    """For each scenario the error with which this host refuses it; None when it can run it. Each takes about a tenth of
    a second. `run_id` names the namespaces meanwhile."""
    return {
        name: try_scenario(scenario, f"{run_id}-{number}") for number, (name, scenario) in enumerate(SCENARIOS.items())
    }
