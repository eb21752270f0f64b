# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe scenarios"""

import argparse
import importlib
import sys

import msgspec
from rich.table import Table

from zcprobe.cli.console import StdoutConsole
from zcprobe.errors import HostError
from zcprobe.journal import new_run_id
from zcprobe.lab.impairments.delay import DelayImpairment
from zcprobe.lab.impairments.hold import HoldImpairment
from zcprobe.lab.impairments.reorder import ReorderImpairment
from zcprobe.lab.scenarios import SCENARIOS, Scenario
from zcprobe.lab.trial import try_scenarios
from zcprobe.units import format_bytes
from zcprobe.wire import Reading

__all__ = ["run"]


class _Row(msgspec.Struct, frozen=True):
    """`refusal` and `hint` are None where this host can run it."""

    scenario: Scenario
    refusal: str | None
    hint: str | None


def _without_core() -> HostError | None:
    """Why no scenario can be run where the compiled core, which sends, cannot be loaded."""
    try:
        importlib.import_module("zcprobe.native")
    except HostError as error:
        return error
    return None


def _rows() -> list[_Row]:
    lacking = _without_core()
    refusals = dict.fromkeys(SCENARIOS, lacking) if lacking else try_scenarios(new_run_id())
    return [
        _Row(scenario, str(error) if error else None, error.hint if error else None)
        for scenario, error in ((SCENARIOS[name], error) for name, error in refusals.items())
    ]


def _calibrated(scenario: Scenario) -> list[str]:
    """Describes the rates that follow from the goodput of the unimpaired path."""
    shares, parts = scenario.shares, []
    if shares.hold is not None:
        parts.append(f"held clones are let go at {shares.hold:.0%} of the rate at which they come")
    if shares.acks is not None:
        parts.append(f"acknowledgements come back at {shares.acks:.0%} of their rate")
    if shares.read is not None:
        parts.append(f"the sink reads at {shares.read:.0%} of the goodput")
    return parts


def _defaults(scenario: Scenario) -> str:
    limit = "" if scenario.optmem_max_bytes is None else f", optmem_max {scenario.optmem_max_bytes}"
    return f"{scenario.send_count} sends of {format_bytes(scenario.send_bytes)}{limit}"


def _held(scenario: Scenario) -> list[str]:
    hold = scenario.find(HoldImpairment)
    if hold is None:
        return []
    count = hold.one_in_count
    return ["every packet has a clone held back" if count == 1 else f"1 in {count} packets has a clone held back"]


def _read(reading: Reading) -> list[str]:
    if not reading.stall_s:
        return []
    return [f"the sink pauses {reading.stall_s:g} s after {format_bytes(reading.stall_after_bytes)}"]


def _fixed(scenario: Scenario) -> list[str]:
    parts = [*_held(scenario), *_read(scenario.reading)]
    delay, reorder = scenario.find(DelayImpairment), scenario.find(ReorderImpairment)
    if delay is not None:
        parts.append(f"congestion control {delay.congestion_control}")
    if reorder is not None:
        delay_ms, jitter_ms = reorder.delay_ns / 1e6, reorder.jitter_ns / 1e6
        parts.append(f"each packet waits {delay_ms:g} ms, give or take {jitter_ms:g} ms")
    if scenario.memlock_bytes is not None:
        parts.append(f"memlock {format_bytes(scenario.memlock_bytes)}")
    return parts


def run(options: argparse.Namespace) -> int:
    """Returns 0 even if this host can run no scenario, because the list itself was asked for."""
    rows = _rows()
    if options.json:
        listed = [msgspec.structs.asdict(row) | {"scenario": row.scenario.members()} for row in rows]
        sys.stdout.buffer.write(msgspec.json.encode({"scenarios": listed}) + b"\n")
        return 0
    table = Table("scenario", "what happens", "how much", "here", show_lines=True)
    for row in rows:
        how_much = "\n".join([_defaults(row.scenario), *_fixed(row.scenario), *_calibrated(row.scenario)])
        here = "yes" if row.refusal is None else f"no: {row.refusal}\n{row.hint}"
        table.add_row(row.scenario.name, row.scenario.description, how_much, here)
    StdoutConsole().print(table)
    return 0
