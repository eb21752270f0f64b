# SPDX-License-Identifier: GPL-2.0-only
"""What measuring costs: goodput with recording / without, and goodput with probes at each level / without probes.

    .venv/bin/python bench/cost.py [--connections 7] [--rounds 9] [--json FILE]

Needs root and an otherwise idle machine. Prints the median ratio over the rounds on all connections and its 95 %
bootstrap interval. It uses several connections because the ratio differs more between connections than within one.
"""

import argparse
import json
import socket
from functools import partial
from pathlib import Path

import msgspec
from connection import describe, on_connections, pair_ratios

from zcprobe.config import ProbeLevel
from zcprobe.format.overhead import LevelCost
from zcprobe.native import ffi
from zcprobe.overhead.connection import connected_lab, recording, send_block
from zcprobe.overhead.measure import measure_overhead

RECORDING_BOUND = 0.97
LEVEL_BOUNDS: dict[int, dict[ProbeLevel, float]] = {
    4096: {"summary": 0.95, "timeline": 0.92},
    65536: {"summary": 0.99, "timeline": 0.98},
}


def recorded_block(connection: socket.socket, size: int) -> float:
    with recording() as recorder:
        return send_block(connection, size, recorder)


def measure_recording(size: int, rounds: int) -> list[float]:
    with connected_lab() as (_, connection):
        sides = {
            "on": lambda: recorded_block(connection, size),
            "off": lambda: send_block(connection, size, ffi.NULL),
        }
        return pair_ratios(sides, rounds)


def measure_levels(size: int, levels: list[ProbeLevel], connections: int, rounds: int) -> list[LevelCost]:
    """The cost of each level with the ratios of all connections; the cost per event is that of the last connection."""
    on_each = [measure_overhead(size, levels, rounds).levels for _ in range(connections)]
    return [
        msgspec.structs.replace(costs[-1], ratios=[ratio for cost in costs for ratio in cost.ratios])
        for costs in zip(*on_each, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=9, help="rounds on each connection (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the ratios to this file")
    options = parser.parse_args()
    results = {}
    count = f"{options.rounds} rounds on each of {options.connections} connections"
    print(f"goodput on / off, n = {count}: median [95 % interval]")
    for size, bounds in LEVEL_BOUNDS.items():
        results[f"recording-{size}"] = on_connections(
            options.connections, partial(measure_recording, size, options.rounds)
        )
        print(describe("recording", size, RECORDING_BOUND, results[f"recording-{size}"]), flush=True)
        for cost in measure_levels(size, list(bounds), options.connections, options.rounds):
            results[f"{cost.level}-{size}"] = cost.ratios
            print(describe(f"probes, {cost.level}", size, bounds[cost.level], cost.ratios), flush=True)
            for event in cost.events:
                print(f"    {event.program:<28}{event.runs:>8} x {event.ns_per_run:.0f} ns")
    if options.json:
        rounded = {name: [round(ratio, 4) for ratio in ratios] for name, ratios in results.items()}
        options.json.write_text(json.dumps(rounded, indent=1) + "\n")


if __name__ == "__main__":
    main()
