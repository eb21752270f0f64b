# SPDX-License-Identifier: GPL-2.0-only
"""The cost of the probes: goodput with and without them, and time per event."""

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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

__all__ = ["measure_overhead", "while_attached"]


def _path_of(events: IO[bytes]) -> Path:
    """Descriptor of an unnamed file, which a killed command does not leave behind."""
    return Path(f"/proc/self/fd/{events.fileno()}")


def _block(connection: socket.socket, size: int) -> float:
    with recording() as recorder:
        return send_block(connection, size, recorder)


def _open(level: ProbeLevel, mechanism: ProbeMechanism | None) -> ProbeSession:
    """Probes that are attached only where they are to be measured."""
    probes = ProbeSession(mechanism, level, memlock=read_limits().memlock_applies)
    probes.detach()
    return probes


@contextmanager
def while_attached(probes: ProbeSession) -> Iterator[None]:
    """The probes are attached inside the context alone."""
    probes.attach()
    try:
        yield
    finally:
        probes.detach()


def _probed_block(connection: socket.socket, size: int, lab: Lab, level: ProbeLevel, probes: ProbeSession) -> float:
    with tempfile.TemporaryFile() as events, while_attached(probes):
        with probes.measure(Target(lab.sender_netns_inode, level=level), _path_of(events)) as counts:
            goodput = _block(connection, size)
        if counts.lost_events:
            raise DataLossError(
                f"{counts.lost_events} events were lost at level {level}", "run again on an idle machine"
            )
        return goodput


def _event_costs(
    connection: socket.socket, size: int, lab: Lab, level: ProbeLevel, probes: ProbeSession
) -> list[EventCost]:
    with tempfile.TemporaryFile() as events, while_attached(probes):
        target = Target(lab.sender_netns_inode, level=level)
        with probes.measure(target, _path_of(events)), probes.timed() as times:
            _block(connection, size)
        found = [EventCost(name, runs, duration_ns / runs) for name, (runs, duration_ns) in times.items()]
        return sorted(found, key=lambda cost: cost.runs * cost.ns_per_run, reverse=True)


def measure_overhead(
    send_bytes: int, levels: list[ProbeLevel], rounds: int, mechanism: ProbeMechanism | None = None
) -> Overhead:
    """Alternates blocks without probes and at each level on one connection, then times one block for each level."""
    if rounds < 1:
        raise UsageError(f"--rounds must be at least 1, not {rounds}", "9 rounds give an interval")
    with ExitStack() as stack:
        opened = {level: stack.enter_context(_open(level, mechanism)) for level in levels}
        lab, connection = stack.enter_context(connected_lab())
        sides: dict[str, Callable[[], float]] = {"off": partial(_block, connection, send_bytes)}
        for level, probes in opened.items():
            sides[level] = partial(_probed_block, connection, send_bytes, lab, level, probes)
        ratios = ratios_to("off", sides, rounds)
        costs = []
        for level, probes in opened.items():
            events = _event_costs(connection, send_bytes, lab, level, probes)
            costs.append(LevelCost(level, ratios[level], estimate_median(ratios[level]), events))
        used = next((probes.mechanism for probes in opened.values()), "")
    return Overhead(send_bytes, used, rounds, costs)
