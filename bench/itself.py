# SPDX-License-Identifier: GPL-2.0-only
"""How often a policy differs from itself, in comparisons of real runs.

    .venv/bin/python bench/itself.py [--comparisons 40] [--blocks 5] [--conditions idle,loaded]

Needs root and an otherwise idle machine; 40 comparisons take some five minutes for each condition. `loaded`: a process
on each CPU spins during the runs. Each comparison has two points that are made alike, whose runs are interleaved and
shuffled in blocks, as in `zcprobe compare`. Effects of any size count as differences, so that only chance, noise and
interval decide. Exits with 1 if more than one in ten comparisons shows a difference.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from calibrated import CONDITIONS

from zcprobe.analysis.claims import claims_against
from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.benchmark.run import record_run
from zcprobe.config import RunConfig
from zcprobe.dataset.load import Run, load_run
from zcprobe.format.claims import Claim
from zcprobe.interrupt import Interruption
from zcprobe.policies import POLICIES
from zcprobe.recorder.reconcile import check_complete

MOST_SHARE = 0.1
NAMES = ("one", "same")


def run_once(policy: str, parent: Path) -> Run:
    """A run without probes, because loading them would take most of the time."""
    config = RunConfig(policy=policy, parameters=POLICIES[policy].defaults, probe_level="off", record=False)
    done = record_run(benchmark_of(config), parent, None, Interruption())
    check_complete(done.metadata, done.folder)
    return load_run(done.folder)


def compare_with_itself(policy: str, blocks: int) -> list[Claim]:
    points: dict[str, dict[int, Run]] = {name: {} for name in NAMES}
    with tempfile.TemporaryDirectory() as parent:
        for block in range(1, blocks + 1):
            for name in random.sample(NAMES, len(NAMES)):
                points[name][block] = run_once(policy, Path(parent))
    return claims_against(NAMES[0], points, smallest_effect=0.0)


def measure(condition: str, policy: str, comparisons: int, blocks: int) -> bool:
    """Whether few enough comparisons showed a difference; prints each difference that was shown."""
    found = tested = 0
    with CONDITIONS[condition]():
        for number in range(1, comparisons + 1):
            claims = compare_with_itself(policy, blocks)
            tested += sum(not claim.is_constant for claim in claims)
            shown = [claim for claim in claims if claim.shown]
            found += bool(shown)
            for claim in shown:
                print(f"{condition} {number}: {claim.text}", flush=True)
    print(f"{condition}: {found} of {comparisons} comparisons of {policy} with itself differ ({tested} claims tested)")
    return found <= MOST_SHARE * comparisons


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=40, metavar="N", help="for each condition (%(default)s)")
    parser.add_argument("--blocks", type=int, default=5, metavar="N", help="of each comparison (%(default)s)")
    parser.add_argument("--policy", choices=tuple(POLICIES), default="qemu-merged", help="(%(default)s)")
    parser.add_argument("--conditions", default="idle,loaded", metavar="NAME,...", help="to try (%(default)s)")
    options = parser.parse_args()
    conditions = options.conditions.split(",")
    right = [measure(name, options.policy, options.comparisons, options.blocks) for name in conditions]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
