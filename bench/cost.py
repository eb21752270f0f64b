"""What measuring costs: goodput with recording on against off, and with probes attached against not.

    .venv/bin/python bench/cost.py [--pairs 31] [--json FILE]

Prints the median ratio over pairs and its 95 % bootstrap interval. As root, on an otherwise idle machine.
"""

import argparse
import json
import socket
import tempfile
from pathlib import Path

from connection import connected_lab, describe, pair_ratios, recording, send_block

from zcprobe.native import ffi
from zcprobe.probes.session import ProbeSession

BOUNDS = {("recording", 4096): 0.97, ("recording", 65536): 0.97, ("probes", 4096): 0.90, ("probes", 65536): 0.97}


def recorded_block(connection: socket.socket, size: int) -> float:
    with recording() as recorder:
        return send_block(connection, size, recorder)


def probed_block(connection: socket.socket, size: int, netns_inode: int) -> float:
    with tempfile.NamedTemporaryFile() as events, ProbeSession() as probes:
        with probes.measure(netns_inode, [], Path(events.name)) as counts:
            goodput = recorded_block(connection, size)
        assert counts.lost_events == 0
        return goodput


def measure(what: str, size: int, pairs: int) -> list[float]:
    with connected_lab() as (lab, connection):
        if what == "recording":
            sides = {
                "on": lambda: recorded_block(connection, size),
                "off": lambda: send_block(connection, size, ffi.NULL),
            }
        else:
            sides = {
                "on": lambda: probed_block(connection, size, lab.sender_netns_inode),
                "off": lambda: recorded_block(connection, size),
            }
        return pair_ratios(sides, pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=31)
    parser.add_argument("--json", type=Path, help="write the ratios there")
    options = parser.parse_args()
    results = {}
    print(f"goodput on / off, n = {options.pairs} pairs: median [95 % interval]")
    for (what, size), bound in BOUNDS.items():
        results[f"{what}-{size}"] = ratios = measure(what, size, options.pairs)
        print(describe(what, size, bound, ratios), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
