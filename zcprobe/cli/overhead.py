# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe overhead"""

import argparse
import sys

import msgspec
from rich.table import Table

from zcprobe.cli.console import StdoutConsole
from zcprobe.config import ProbeLevel, RunConfig
from zcprobe.format.intervals import CONFIDENCE_TEXT, interval_text
from zcprobe.format.overhead import LevelCost, Overhead
from zcprobe.overhead.measure import measure_overhead
from zcprobe.units import format_bytes, parse_bytes

__all__ = ["run"]

_LEVELS: list[ProbeLevel] = ["summary", "timeline", "full"]


def _events(cost: LevelCost) -> str:
    return "\n".join(f"{event.program}: {event.runs} x {event.ns_per_run:.0f} ns" for event in cost.events)


def _table(found: Overhead) -> Table:
    title = (
        f"goodput with probes over without, {format_bytes(found.send_bytes)} sends, by {found.mechanism}:"
        f" median of n = {found.rounds} rounds [{CONFIDENCE_TEXT} bootstrap interval]"
    )
    table = Table("level", "ratio", "one block, timed: runs x mean time", title=title)
    for cost in found.levels:
        ratio = interval_text(cost.estimate.median, cost.estimate.low, cost.estimate.high, "{:.3f}".format)
        table.add_row(cost.level, ratio, _events(cost))
    return table


def run(options: argparse.Namespace) -> int:
    sizes = [parse_bytes(text) for text in options.length.split(",")]
    for size in sizes:
        RunConfig(send_bytes=size).validate()
    mechanism = None if options.mechanism == "auto" else options.mechanism
    results = []
    for size in sizes:
        results.append(measure_overhead(size, _LEVELS, options.rounds, mechanism))
        if not options.json:
            StdoutConsole().print(_table(results[-1]))
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode({"overhead": results}) + b"\n")
    return 0
