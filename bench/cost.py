"""What measuring costs: goodput with recording on against off, and with probes attached against not.

    .venv/bin/python bench/cost.py [--pairs 9] [--json FILE]

Each pair runs both sides one after the other in a fresh lab, in random order; the figure is the ratio within a pair,
so that drift of the machine cancels. Median over pairs, with the lowest and highest pair. As root.
"""

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import msgspec

from zcprobe.config import RunConfig
from zcprobe.probes.session import ProbeSession
from zcprobe.recorder.interrupt import Interruption
from zcprobe.recorder.run import check_complete, record_run, with_scenario_defaults

# enough optmem that no send is ever refused: the loop alone is compared
BASE = RunConfig(scenario="in-order", policy="qemu-merged", optmem_max_bytes=16 << 20, affinity=(0, 1), probes="none")
SIZES = ((4096, 400_000), (65536, 50_000))
BOUNDS = {("recording", 4096): 0.97, ("recording", 65536): 0.97, ("probes", 4096): 0.90, ("probes", 65536): 0.97}


def goodput(config: RunConfig, with_probes: bool) -> float:
    with tempfile.TemporaryDirectory() as parent, ProbeSession() if with_probes else nullcontext() as probes:
        done = record_run(with_scenario_defaults(config), Path(parent), probes, Interruption())
        check_complete(done)
        return done.metadata.summary.goodput_bps


def ratios(pairs: int, side_off: Callable[[], float], side_on: Callable[[], float]) -> list[float]:
    results = []
    for _ in range(pairs):
        sides = {"off": side_off, "on": side_on}
        measured = {name: sides[name]() for name in random.sample(sorted(sides), 2)}
        results.append(measured["on"] / measured["off"])
    return sorted(results)


def compare(what: str, size: int, count: int, pairs: int) -> list[float]:
    config = msgspec.structs.replace(BASE, send_bytes=size, send_count=count)
    if what == "recording":
        off = msgspec.structs.replace(config, record=False)
        return ratios(pairs, lambda: goodput(off, False), lambda: goodput(config, False))
    return ratios(pairs, lambda: goodput(config, False), lambda: goodput(config, True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the ratios there")
    options = parser.parse_args()
    results = {}
    print(f"goodput on / off, {options.pairs} pairs each, median [lowest .. highest]")
    for (what, size), bound in BOUNDS.items():
        values = compare(what, size, dict(SIZES)[size], options.pairs)
        results[f"{what}-{size}"] = values
        median = statistics.median(values)
        word = "ok" if median >= bound else "BELOW"
        print(f"{what:<10} {size:>6} B  {median:.3f} [{values[0]:.3f} .. {values[-1]:.3f}]  bound {bound:.2f}  {word}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
