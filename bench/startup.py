# SPDX-License-Identifier: GPL-2.0-only
"""How long commands take that have little to do: seconds from start to end, in one tree or in two.

    .venv/bin/python bench/startup.py [TREE [OTHER_TREE]] [--times 15] [--json FILE]

A tree is a checkout in which `make setup` has run; the default is this checkout. If there are two, the last column is
the median of the second divided by that of the first, which is the older one. Trees take turns in an order that is
shuffled each time. The bounds are for a machine on which the commands took 1.6, 1.0, 1.0 and 0.10 s before they were
made faster. Needs root and an otherwise idle machine.
"""

import argparse
import json
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

COMMANDS: dict[str, tuple[tuple[str, ...], float | None]] = {
    "run": (("run", "-n", "1000", "--scenario", "in-order"), 0.8),
    "run without probes": (("run", "-n", "1000", "--scenario", "in-order", "--probes", "none"), 0.4),
    "doctor": (("doctor",), 0.5),
    "probes": (("probes",), None),
    "policies": (("policies",), None),
    "help": (("-h",), 0.06),
}
"""Name of each command -> its words, and its bound in seconds."""

HERE = Path(__file__).resolve().parent.parent


def measure(tree: Path, words: tuple[str, ...]) -> float:
    """Seconds that one command takes, in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(tree / ".venv/bin/zcprobe"), *words]
        start = time.monotonic()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return time.monotonic() - start


def alternate(trees: list[Path], words: tuple[str, ...], times: int) -> dict[str, list[float]]:
    """Tree -> seconds of each start, after one uncounted start that loads files into memory."""
    found: dict[str, list[float]] = {str(tree): [] for tree in trees}
    for tree in trees:
        measure(tree, words)
    for _ in range(times):
        for tree in random.sample(trees, len(trees)):
            found[str(tree)].append(measure(tree, words))
    return found


def describe(name: str, bound: float | None, found: dict[str, list[float]]) -> str:
    medians = [statistics.median(seconds) for seconds in found.values()]
    columns = [
        f"{median:.3f} s [{min(seconds):.3f} .. {max(seconds):.3f}]"
        for median, seconds in zip(medians, found.values(), strict=True)
    ]
    ratio = f"  x {medians[1] / medians[0]:.2f}" if len(medians) > 1 else ""
    verdict = "" if bound is None else f"  bound {bound:.2f} s  {'ok' if medians[-1] <= bound else 'ABOVE'}"
    return f"{name:<20}{'   '.join(columns)}{ratio}{verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="*", type=Path, default=[HERE], metavar="TREE")
    parser.add_argument("--times", type=int, default=15, help="starts of each command in each tree (%(default)s)")
    parser.add_argument("--only", choices=COMMANDS, help="time only this command")
    parser.add_argument("--json", type=Path, help="write the seconds to this file")
    options = parser.parse_args()
    trees = [tree.resolve() for tree in options.trees]
    print(f"median [least .. most], n = {options.times}: {'   '.join(map(str, trees))}")
    results = {}
    for name, (words, bound) in COMMANDS.items():
        if options.only in (None, name):
            results[name] = alternate(trees, words, options.times)
            print(describe(name, bound, results[name]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
