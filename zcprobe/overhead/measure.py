# SPDX-License-Identifier: GPL-2.0-only
"""The cost of the probes: goodput with and without them, and time per event."""

import socket
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from zcprobe.analysis.policies import estimate_median
from zcprobe.config import ProbeLevel, ProbeMechanism
from zcprobe.errors import DataLossError, UsageError
from zcprobe.format.lab import Lab
from zcprobe.format.overhead import EventCost, LevelCost, Overhead
from zcprobe.host.limits import read_limits
from zcprobe.overhead.connection import connected_lab, ratios_to, recording, send_block
from zcprobe.probes.measurement import Target
from zcprobe.probes.session import ProbeSession

__all__ = ["measure_overhead"]


def _path_of(events: IO[bytes]) -> Path:
    """Descriptor of an unnamed file, which a killed command does not leave behind."""
    return Path(f"/proc/self/fd/{events.fileno()}")


def _block(connection: socket.socket, size: int) -> float:
    with recording() as recorder:
        return send_block(connection, size, recorder)


def _open(level: ProbeLevel, mechanism: ProbeMechanism | None) -> ProbeSession:
    return ProbeSession(mechanism, level, memlock=read_limits().memlock_applies)


def _probed_block(
    connection: socket.socket, size: int, lab: Lab, level: ProbeLevel, mechanism: ProbeMechanism | None
) -> float:
    """Attaches the probes only for this block, because even a program that finds nothing to do costs time."""
    with tempfile.TemporaryFile() as events, _open(level, mechanism) as probes:
        with probes.measure(Target(lab.sender_netns_inode, level=level), _path_of(events)) as counts:
            goodput = _block(connection, size)
        if counts.lost_events:
            raise DataLossError(
                f"{counts.lost_events} events were lost at level {level}", "run again on an idle machine"
            )
        return goodput


def _event_costs(
    connection: socket.socket, size: int, lab: Lab, level: ProbeLevel, mechanism: ProbeMechanism | None
) -> tuple[str, list[EventCost]]:
    with tempfile.TemporaryFile() as events, _open(level, mechanism) as probes:
        target = Target(lab.sender_netns_inode, level=level)
        with probes.measure(target, _path_of(events)), probes.timed() as times:
            _block(connection, size)
        found = [EventCost(name, runs, duration_ns / runs) for name, (runs, duration_ns) in times.items()]
        return probes.mechanism, sorted(found, key=lambda cost: cost.runs * cost.ns_per_run, reverse=True)


def measure_overhead(
    send_bytes: int, levels: list[ProbeLevel], rounds: int, mechanism: ProbeMechanism | None = None
) -> Overhead:
    """Alternates blocks without probes and at each level on one connection, then times one block for each level."""
    if rounds < 1:
        raise UsageError(f"--rounds must be at least 1, not {rounds}", "9 rounds give an interval")
    with connected_lab() as (lab, connection):
        sides: dict[str, Callable[[], float]] = {"off": partial(_block, connection, send_bytes)}
        for level in levels:
            sides[level] = partial(_probed_block, connection, send_bytes, lab, level, mechanism)
        ratios = ratios_to("off", sides, rounds)
        costs = []
        used = ""
        for level in levels:
            used, events = _event_costs(connection, send_bytes, lab, level, mechanism)
            costs.append(LevelCost(level, ratios[level], estimate_median(ratios[level]), events))
    return Overhead(send_bytes, used, rounds, costs)
