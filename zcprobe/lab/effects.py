# SPDX-License-Identifier: GPL-2.0-only
"""What an impairment has done, by the kernel's own counters, because an impairment may have had no effect."""

import os

from zcprobe.format.effects import Effects
from zcprobe.lab.impairments.path import ImpairedPath
from zcprobe.lab.scenarios import Scenario

__all__ = ["read_effects"]


def read_effects(path: ImpairedPath, scenario: Scenario) -> Effects:
    """The effects of the scenario's impairments. FileNotFoundError if a namespace is gone."""
    for namespace in (path.pair.sender, path.pair.sink):
        os.stat(namespace.path)
    effects: dict[str, int | None] = {}
    for impairment in scenario.impairments:
        effects |= impairment.read_effects(path)
    return Effects(**effects)
