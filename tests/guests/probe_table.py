# SPDX-License-Identifier: GPL-2.0-only
"""Makes the tables of docs/probes.md from what the last make test-kernels measured: python -m
tests.guests.probe_table"""

import os
from pathlib import Path

import msgspec

from tests.guests.kernels import KERNELS, Kernel
from zcprobe.config import ProbeMechanism
from zcprobe.probes.base import MECHANISMS, Function, Probe, Tracepoint, stand_in_of
from zcprobe.probes.loading import PROBES
from zcprobe.probes.session import ProbeSession

__all__ = ["DOCUMENT", "Measured", "ProbeCost", "add_costs", "costs_of", "read_measured", "structure", "write_document"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "probes.md"
_RESULTS = Path("build/kernels")


class ProbeCost(msgspec.Struct, frozen=True):
    """One probe by one mechanism: how often its programs run per send, and one run's share of the time of a send
    without probes."""

    attached: list[str]
    runs_per_send: float = 0.0
    share: float = 0.0

    def __str__(self) -> str:
        return f"{self.runs_per_send:.2f} x {self.share:.1%}" if self.runs_per_send else "-"


Costs = dict[str, ProbeCost]
"""Probe name -> cost by one mechanism."""


class Measured(msgspec.Struct):
    """What was measured on one kernel. `costs`: mechanism -> probe name -> cost."""

    release: str
    costs: dict[ProbeMechanism, Costs] = msgspec.field(default_factory=dict)


def _path(folder: Path) -> Path:
    """The file with the measurements, in the folder of a kernel that outlives its guest."""
    return folder / "probes.json"


def read_measured(folder: Path) -> Measured:
    return msgspec.json.decode(_path(folder).read_bytes(), type=Measured)


def add_costs(folder: Path, mechanism: ProbeMechanism, costs: Costs) -> None:
    """Adds to what was measured in this guest before."""
    measured = read_measured(folder) if _path(folder).exists() else Measured(os.uname().release)
    measured.costs[mechanism] = costs
    _path(folder).write_bytes(msgspec.json.format(msgspec.json.encode(measured)))


def _names_of(probe: Probe, mechanism: ProbeMechanism) -> set[str]:
    """The attached programs, as in ProbeSession.attached."""
    if mechanism == "tracepoint":
        return {item.name for item in probe.tracepoints}
    names = {f"{name}{'()' if item.returns else ''}" for item in probe.functions for name in item.symbols}
    return names | {item.name for item in probe.beside_functions}


def _programs_of(probe: Probe) -> set[str]:
    points: tuple[Function | Tracepoint, ...] = (*probe.functions, *probe.tracepoints, *probe.beside_functions)
    programs = {
        name for item in points for name in (item.function, f"{item.function}_entry", stand_in_of(item.function))
    }
    return programs | {item.kretprobe for item in probe.functions if item.kretprobe is not None}


def costs_of(session: ProbeSession, times: dict[str, tuple[int, int]], duration_ns: int, send_count: int) -> Costs:
    """The costs of a run that took that long, from the times of its programs: their share of a send without probes."""
    ns_without = (duration_ns - sum(ns for _, ns in times.values())) / send_count
    costs = {}
    for probe in PROBES:
        found = [times[name] for name in _programs_of(probe) & set(times)]
        runs, ns = sum(runs for runs, _ in found), sum(ns for _, ns in found)
        names = _names_of(probe, session.mechanism)
        attached = [name for name in session.attached if name in names]
        costs[probe.name] = ProbeCost(attached, runs / send_count, ns / runs / ns_without if runs else 0.0)
    return costs


def _by_functions(measured: Measured, probe: str) -> str:
    fentry, kprobe = (measured.costs[mechanism][probe].attached for mechanism in ("fentry", "kprobe"))
    assert fentry == kprobe
    return ", ".join(f"`{name}`" for name in fentry)


def _by_tracepoints(measured: Measured, probe: str) -> str:
    if "tracepoint" not in measured.costs:
        return "-"
    return ", ".join(f"`{name}`" for name in measured.costs["tracepoint"][probe].attached) or "(told by the others)"


def structure(measured: Measured) -> list[str]:
    """The beginning of each probe's row, which is the same in each measurement."""
    return [
        f"| {probe.name} | {_by_functions(measured, probe.name)} | {_by_tracepoints(measured, probe.name)} |"
        for probe in PROBES
    ]


def _all(costs: Costs) -> str:
    return f"{sum(cost.runs_per_send * cost.share for cost in costs.values()):.0%}"


def _table(kernel: Kernel, measured: Measured) -> list[str]:
    lines = [
        f"## {kernel.name} ({kernel.suite}): {measured.release}",
        "",
        f"| probe | functions | tracepoints | {' | '.join(MECHANISMS)} |",
        "|---" * (3 + len(MECHANISMS)) + "|",
    ]
    for probe, beginning in zip(PROBES, structure(measured), strict=True):
        costs = [str(measured.costs[name][probe.name]) if name in measured.costs else "-" for name in MECHANISMS]
        lines.append(f"{beginning} {' | '.join(costs)} |")
    together = [_all(measured.costs[name]) if name in measured.costs else "-" for name in MECHANISMS]
    return [*lines, f"| all | | | {' | '.join(together)} |", ""]


def write_document() -> None:
    """Writes the tables from the last measurement of every kernel; the text before the tables stays."""
    lines = [DOCUMENT.read_text().partition("\n## ")[0].rstrip(), ""]
    for kernel in KERNELS:
        lines += _table(kernel, read_measured(_RESULTS / kernel.name))
    DOCUMENT.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    write_document()
