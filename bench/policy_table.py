# SPDX-License-Identifier: GPL-2.0-only
"""How every policy fares in every scenario: makes the tables of docs/policies.md.

    .venv/bin/python bench/policy_table.py [--repeats 5] [--scenarios in-flight,slow-reader] > table.md

Needs root and an otherwise idle machine; takes about ten minutes. A sender that hangs is cut off after ten seconds.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median

from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.benchmark.run import record_run
from zcprobe.config import RunConfig
from zcprobe.format.summary import SenderSummary
from zcprobe.interrupt import Interruption
from zcprobe.policies import POLICIES
from zcprobe.probes.session import ProbeSession
from zcprobe.recorder.reconcile import check_complete
from zcprobe.units import format_duration_ns, format_rate_bps

SCENARIOS = ("in-order", "in-flight", "held-completions", "slow-reader", "stalled-reader")
DEADLINE_S = 10.0  # longer than any stall in the scenarios


def run_once(scenario: str, policy: str, probes: ProbeSession) -> SenderSummary:
    config = RunConfig(scenario=scenario, policy=policy, parameters=POLICIES[policy].defaults, deadline_s=DEADLINE_S)
    with tempfile.TemporaryDirectory() as parent:
        done = record_run(benchmark_of(config), Path(parent), probes, Interruption())
        check_complete(done.metadata, done.folder)
    return done.metadata.sender


def goodput(runs: list[SenderSummary]) -> str:
    """The median goodput; `-` if a run died early, where it means nothing, or a sink did not report, so it is
    unknown."""
    known = [run.goodput_bps for run in runs if run.outcome == "completed" and run.goodput_bps is not None]
    return "-" if len(known) < len(runs) else format_rate_bps(median(known))


def row(policy: str, runs: list[SenderSummary]) -> str:
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in Counter(run.outcome for run in runs).items())
    intact = "yes" if all(run.sink_intact for run in runs) else "NO"
    cells = [
        f"`{policy}`",
        outcomes,
        f"{median(run.sends for run in runs):.0f}",
        f"{median(run.copied_on_purpose for run in runs):.0f}",
        f"{median(run.enobufs_count for run in runs):.0f}",
        format_duration_ns(median(run.stall_ns_total for run in runs)),
        format_duration_ns(max(run.stall_ns_max for run in runs if run.stall_ns_max is not None)),
        goodput(runs),
        intact,
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    options = parser.parse_args()
    with ProbeSession() as probes:
        for scenario in options.scenarios.split(","):
            runs: dict[str, list[SenderSummary]] = {policy: [] for policy in POLICIES}
            for _ in range(options.repeats):
                for policy in random.sample(sorted(POLICIES), len(POLICIES)):
                    runs[policy].append(run_once(scenario, policy, probes))
            print(f"\n### {scenario}\n")
            print("| policy | outcomes | sends | copied | ENOBUFS | stalled | longest stall | goodput | intact |")
            print("|---|---|---|---|---|---|---|---|---|")
            for policy, summaries in runs.items():
                print(row(policy, summaries), flush=True)
            print(f"{scenario} done", file=sys.stderr)


if __name__ == "__main__":
    main()
