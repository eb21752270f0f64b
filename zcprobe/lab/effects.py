"""Reads from the kernel's counters what impairments have done, because one that was asked for may have no effect."""

import os

from zcprobe.format.effects import Effects
from zcprobe.lab.impairments.path import ImpairedPath
from zcprobe.lab.scenarios import Scenario

__all__ = ["read_effects"]


def read_effects(path: ImpairedPath, scenario: Scenario) -> Effects:
    """What the impairments of the scenario have done on the path. FileNotFoundError when a namespace is gone."""
    for namespace in (path.pair.sender, path.pair.sink):
        os.stat(namespace.path)
    effects: dict[str, int | None] = {}
    for impairment in scenario.impairments:
        effects |= impairment.read_effects(path)
    return Effects(**effects)
