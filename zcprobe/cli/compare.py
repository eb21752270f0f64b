# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe compare"""

import argparse
import secrets
import sys

import msgspec
from msgspec.structs import asdict
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from zcprobe.analysis.baseline import Judgement, judge_against
from zcprobe.analysis.compared import compared_policies
from zcprobe.analysis.comparisons import claims_of
from zcprobe.analysis.validity import stamp_of
from zcprobe.benchmark.defaults import Benchmark, benchmark_of, open_probes
from zcprobe.benchmark.run import CompletedRun
from zcprobe.campaign.compare import compare
from zcprobe.campaign.plan import PlannedRun, plan_runs
from zcprobe.campaign.plan_file import plan_of
from zcprobe.cli.arguments.compare import DEFAULT_OVERHEAD_ROUNDS
from zcprobe.cli.baselines import (
    keep_baseline,
    print_judgement,
    require_baseline,
    require_no_regression,
    write_junit,
)
from zcprobe.cli.campaign_runs import run_plan
from zcprobe.cli.claims import claim_table
from zcprobe.cli.compare_axis import axis_of, plan_content
from zcprobe.cli.compare_results import compare_results
from zcprobe.cli.console import StdoutConsole
from zcprobe.cli.options import require_readers, run_config
from zcprobe.cli.parser import make_parser
from zcprobe.cli.plan_options import plan_options
from zcprobe.cli.streams import keeping
from zcprobe.dataset.arrival import missing_text
from zcprobe.dataset.load import Comparison
from zcprobe.errors import PeerError, ReconciliationError
from zcprobe.format.comparison import PolicyResult
from zcprobe.format.intervals import CONFIDENCE_TEXT, Estimate, interval_text
from zcprobe.format.summary import SenderSummary
from zcprobe.interrupt import Interruption, deferred_interrupt
from zcprobe.policies import POLICIES
from zcprobe.units import format_duration_ns, format_goodput_bps, format_rate_bps

__all__ = ["run"]


def _seed(options: argparse.Namespace) -> int:
    return secrets.randbelow(2**31) if options.seed is None else int(options.seed)


def _format_count(value: float) -> str:
    return f"{value:.0f}"


def _range(estimate: Estimate, show: str) -> str:
    formats = {"rate": format_rate_bps, "time": format_duration_ns, "count": _format_count}
    return interval_text(estimate.median, estimate.low, estimate.high, formats[show])


def _arrival(sender: SenderSummary) -> str:
    goodput = format_goodput_bps(sender.goodput_bps)
    missing = missing_text(sender)
    return f"{goodput}, {missing}" if missing else f"goodput {goodput}" if sender.goodput_bps is None else goodput


def _missing(medians: dict[str, Estimate]) -> str:
    """Datagrams sent, received and missing."""
    names = ("datagrams_sent", "datagrams_received", "datagrams_missing")
    return " / ".join(_range(medians[name], "count") for name in names)


def _goodput(result: PolicyResult) -> str:
    """The goodput, and the number of runs whose goodput is unknown because their sink did not report."""
    estimate = result.medians["goodput_bps"]
    unknown = result.repeats - estimate.n
    text = _range(estimate, "rate")
    return f"{text} ({unknown} of {result.repeats} not known)" if unknown else text


def _result_table(comparison: Comparison) -> Table:
    title = f"{comparison.meta.scenario}: medians over runs and their {CONFIDENCE_TEXT} bootstrap intervals"
    results = {policy: result for policy, result in comparison.meta.policies.items() if result is not None}
    is_datagram = any(result.medians["datagrams_sent"].n for result in results.values())
    table = Table("policy", "outcomes", "sends", "ENOBUFS by cause", "stalls", "stalled", "goodput", title=title)
    if is_datagram:
        table.add_column("datagrams sent / received / missing")
    for policy, result in results.items():
        medians = result.medians
        table.add_row(
            policy,
            ", ".join(f"{count} {outcome}" for outcome, count in result.outcomes.items()),
            _range(medians["sends"], "count"),
            ", ".join(f"{count} {cause}" for cause, count in result.enobufs_causes.items()) or "none",
            _range(medians["stall_count"], "count"),
            _range(medians["stall_ns_total"], "time"),
            _goodput(result),
            *([_missing(medians)] if is_datagram else []),
        )
    return table


def _print_json(comparison: Comparison, judgement: Judgement | None) -> None:
    """Prints comparison.json, its folder, and what became of the baseline."""
    recorded = {**asdict(comparison.meta), "sha256": comparison.digest, "folder": str(comparison.folder)}
    content = recorded | ({"judgement": judgement} if judgement else {})
    sys.stdout.buffer.write(msgspec.json.encode(content) + b"\n")


def _print_text(comparison: Comparison, judgement: Judgement | None) -> None:
    StdoutConsole().print(_result_table(comparison))
    claims = claims_of(comparison)
    if claims:
        StdoutConsole().print(claim_table(claims, claims[0].reference))
    print("\n".join([*comparison.meta.verdict, f"{stamp_of(comparison.runs).text}."]))
    if judgement is not None:
        print_judgement(judgement)
    if (comparison.folder / "report.html").exists():
        print(f"report  {comparison.folder / 'report.html'}\nfigures {comparison.folder / 'figures'}")
    else:
        print(f"folder  {comparison.folder}")


def _benchmarks(options: argparse.Namespace) -> dict[str, Benchmark]:
    """Policy -> what its runs are, in the order asked for. UsageError."""
    names = list(POLICIES) if options.policies == "all" else options.policies.split(",")
    plan_runs(names, options.repeats, 0)
    require_readers(options.set, names)
    return {name: benchmark_of(run_config(options, name)) for name in names}


def run(options: argparse.Namespace) -> int:
    """Compares two folders of results, the values of another option than the policy, or policies."""
    if options.folders:
        return compare_results(options, vars(make_parser(("compare",)).parse_args(["compare"])))
    seed = _seed(options)
    axis = axis_of(options)
    if axis is not None:
        return run_plan(plan_of(plan_content(options, axis, seed), plan_options()), options)
    return _compare_policies(options, seed)


def _compare_policies(options: argparse.Namespace, seed: int) -> int:
    """4 when a run's counts do not reconcile; outcomes of policies are results, not failures."""
    benchmarks = _benchmarks(options)
    baseline = require_baseline(options, benchmarks)
    with deferred_interrupt() as interruption:
        comparison = _make(options, benchmarks, seed, interruption)
    with keeping("the runs are", comparison.folder, interruption.signal_number):
        compared = compared_policies(comparison)
        judgement = None if baseline is None else judge_against(baseline, compared, options.smallest_effect)
        _print_json(comparison, judgement) if options.json else _print_text(comparison, judgement)
        write_junit(options.junit, compared, judgement)
    if interruption.signal_number:
        _tell_what_there_is(comparison)
    _check(comparison)
    if interruption.signal_number:
        return -interruption.signal_number
    keep_baseline(options, compared)
    if judgement is not None and options.fail_on_regression:
        require_no_regression(judgement)
    return 0


def _make(
    options: argparse.Namespace, benchmarks: dict[str, Benchmark], seed: int, interruption: Interruption
) -> Comparison:
    """The runs, told on stderr as they are made, with their results and report."""
    first = next(iter(benchmarks.values()))
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with open_probes(first) as probes, Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"comparing in {first.config.scenario}", total=len(benchmarks) * options.repeats)

        def show(planned: PlannedRun, done: CompletedRun) -> None:
            sender = done.metadata.sender
            progress.console.print(
                f"{planned.policy:<14} repeat {planned.repeat}: {sender.outcome}, {sender.sends} sends,"
                f" {sender.enobufs_count} ENOBUFS, {_arrival(sender)}"
            )
            progress.advance(task)

        return compare(
            benchmarks,
            options.repeats,
            seed,
            options.output,
            probes,
            interruption,
            show,
            DEFAULT_OVERHEAD_ROUNDS if options.overhead is None else options.overhead,
            report=not options.no_report,
            smallest_effect=options.smallest_effect,
        )


def _tell_what_there_is(comparison: Comparison) -> None:
    count = f"{len(comparison.runs)} of {comparison.meta.planned_runs} runs are"
    print(
        f"zcprobe: interrupted: {count} kept in {comparison.folder}\n  zcprobe report {comparison.folder} shows them",
        file=sys.stderr,
    )


def _check(comparison: Comparison) -> None:
    """PeerError when the sink of a completed run was silent, ReconciliationError when counts differ."""
    incomplete = [entry.folder for entry in comparison.meta.runs if not entry.complete]
    if incomplete:
        raise ReconciliationError(
            f"{len(incomplete)} runs have counts that differ: {', '.join(incomplete)}",
            "run.json there says which, under reconciliation, and under missed_runs whether the kernel skipped a probe"
            f" (below {comparison.folder})",
        )
    silent = [run for run in comparison if run.sender.sink_bytes is None and run.sender.outcome == "completed"]
    if silent:
        raise PeerError(
            f"the sink did not report what arrived in {len(silent)} runs that completed (below {comparison.folder})",
            "see that nothing stops or kills it, and run again",
        )
