# SPDX-License-Identifier: GPL-2.0-only
"""What the probes cost, as it was measured: the member `overhead` of comparison.json."""

import msgspec

from zcprobe.config import ProbeLevel
from zcprobe.format.intervals import Estimate

__all__ = ["EventCost", "LevelCost", "Overhead"]


class EventCost(msgspec.Struct, frozen=True):
    """One BPF program in one block: how often it ran, and how long a run took on average."""

    program: str
    runs: int
    ns_per_run: float


class LevelCost(msgspec.Struct, frozen=True):
    """`ratios`: goodput with the probes at this level divided by goodput without, from a block of each per round;
    `estimate` is their median with its 95 % bootstrap interval."""

    level: ProbeLevel
    ratios: list[float]
    estimate: Estimate
    events: list[EventCost]


class Overhead(msgspec.Struct, frozen=True):
    """The cost for one send size by one mechanism."""

    send_bytes: int
    mechanism: str
    rounds: int
    levels: list[LevelCost]
