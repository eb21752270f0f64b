# SPDX-License-Identifier: GPL-2.0-only
"""Whether held-completions has the same outcomes on an idle and on a busy machine.

    .venv/bin/python bench/calibrated.py [--runs 20] [--conditions idle,loaded,pinned]

Needs root and an otherwise idle machine; takes some three minutes for each condition. `loaded`: a process on each CPU
spins during the runs; `pinned`: everything of a run is on one CPU. Exits with 1 if fewer than 19 of 20 runs of a policy
had the expected outcome without a warning: qemu-pre and qemu-shipped die of ENOBUFS, qemu-merged completes.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.benchmark.run import record_run
from zcprobe.config import RunConfig
from zcprobe.interrupt import Interruption
from zcprobe.policies import POLICIES
from zcprobe.recorder.reconcile import check_complete

EXPECTED = {"qemu-pre": "dead_enobufs", "qemu-shipped": "dead_enobufs", "qemu-merged": "completed"}
SHARE = 0.95


@contextmanager
def idle() -> Iterator[None]:
    yield


@contextmanager
def loaded() -> Iterator[None]:
    """Keeps each CPU busy with a spinning process inside the context."""
    spin = [sys.executable, "-c", "while True: pass"]
    spinning = [subprocess.Popen(["taskset", "-c", str(cpu), *spin]) for cpu in sorted(os.sched_getaffinity(0))]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


@contextmanager
def pinned() -> Iterator[None]:
    """Pins this process, and so its sender and sink, to one CPU inside the context."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


CONDITIONS = {"idle": idle, "loaded": loaded, "pinned": pinned}


def run_once(policy: str) -> tuple[str, int]:
    """Outcome and warnings of a run, and its number of sends. It has no probes, because compiling them would take most
    of the time."""
    config = RunConfig(policy=policy, parameters=POLICIES[policy].defaults, probe_level="off")
    with tempfile.TemporaryDirectory() as parent:
        done = record_run(benchmark_of(config), Path(parent), None, Interruption())
        check_complete(done.metadata, done.folder)
    metadata = done.metadata
    assert metadata.calibration is not None
    calibrated_bps = metadata.calibration.goodput_bps
    for warning in metadata.warnings:
        print(f"{policy}: {warning.text} (calibrated {calibrated_bps / 1e6:.0f} Mbit/s)", flush=True)
    outcome = ", ".join([metadata.sender.outcome, *(warning.id for warning in metadata.warnings)])
    return outcome, metadata.sender.sends


def measure(condition: str, count: int) -> bool:
    """Whether enough of the runs had the expected outcome, with policies interleaved and shuffled; prints outcomes."""
    found: dict[str, list[tuple[str, int]]] = {policy: [] for policy in EXPECTED}
    with CONDITIONS[condition]():
        for _ in range(count):
            for policy in random.sample(sorted(EXPECTED), len(EXPECTED)):
                found[policy].append(run_once(policy))
    right = True
    for policy, runs in found.items():
        outcomes = Counter(outcome for outcome, _ in runs)
        sends = sorted(count for _, count in runs)
        told = "; ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
        print(f"{condition:8} {policy:14} {told}; {sends[0]} to {sends[-1]} sends", flush=True)
        right = right and outcomes[EXPECTED[policy]] >= SHARE * count
    return right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="runs of each policy in each condition (%(default)s)")
    parser.add_argument("--conditions", default=",".join(CONDITIONS), metavar="NAME,...", help="to try (%(default)s)")
    options = parser.parse_args()
    right = [measure(condition, options.runs) for condition in options.conditions.split(",")]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
