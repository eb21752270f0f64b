# SPDX-License-Identifier: GPL-2.0-only
"""A comparison: a plan with one axis, the policy, on the same traffic, and a verdict."""

import importlib
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from zcprobe.analysis.comparisons import with_results
from zcprobe.benchmark.defaults import Benchmark
from zcprobe.benchmark.run import CompletedRun
from zcprobe.campaign.execute import execute
from zcprobe.campaign.plan import PlannedRun, plan_runs
from zcprobe.campaign.store import Store
from zcprobe.dataset.load import Comparison, load_comparison
from zcprobe.format.claims import DEFAULT_SMALLEST_EFFECT
from zcprobe.format.comparison import ComparisonMetadata
from zcprobe.format.overhead import Overhead
from zcprobe.interrupt import Interruption
from zcprobe.isolation import own_settings
from zcprobe.journal import journal, new_run_id
from zcprobe.overhead.measure import measure_overhead
from zcprobe.recorder.metadata import now_utc
from zcprobe.recorder.run_directory import folder_name, open_run_directory

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["compare"]

_OVERHEAD_BYTES = 65536
"""Size of a send if the traffic does not define one."""

_COST_LEFT_OUT = "ending: what the probes cost is not measured to its end; the runs are kept"
_PUT_TOGETHER = "ending: the runs are kept, and their results are put together; once more ends it at once"
_REPORT_LEFT_OUT = "ending: the runs and their results are kept; the report is left out, and zcprobe report makes it"


def compare(
    benchmarks: dict[str, Benchmark],
    repeats: int,
    seed: int,
    parent: Path,
    probes: "ProbeSession | None",
    interruption: Interruption,
    on_run: Callable[[PlannedRun, CompletedRun], None],
    overhead_rounds: int = 0,
    *,
    report: bool = True,
    smallest_effect: float = DEFAULT_SMALLEST_EFFECT,
) -> Comparison:
    """Runs the plan and stores beside the runs its results, the cost of the probes (measured in `overhead_rounds` on an
    unimpaired path) and, unless `report` is False, figures and report.

    `benchmarks`: policy -> the benchmark of its runs; all are alike except for policy and parameters. `probes` are
    closed after the runs, because their cost is measured against a side without probes. If interrupted, it continues
    with the results of the runs made so far and omits the rest. A claim of a difference must reach `smallest_effect`
    (0.05 is 5 %). Each run is stored as soon as it is made; a later error has a note that says where.
    """
    policies, first = list(benchmarks), next(iter(benchmarks.values()))
    plan = plan_runs(policies, repeats, seed)
    run_id, content = new_run_id(), _content(first, policies, seed, len(plan), smallest_effect)
    with ExitStack() as stack:
        entry = stack.enter_context(journal(run_id, interruption.raised()))
        name = folder_name(first.config.scenario, "compare", run_id)
        directory = stack.enter_context(open_run_directory(parent, name, entry))
        store = Store(directory, content)
        with store.noting_what_is_kept():
            execute(plan, benchmarks, store, probes, interruption, on_run)
            if not content.runs:
                interruption.give_up()
            if probes is not None:
                probes.close()
                store.content = replace(content, overhead=_measure_overhead(first, overhead_rounds, interruption))
            comparison = _with_results(store, interruption)
            if report:
                _write_report(comparison, interruption)
        return _at(store.place, comparison)


def _content(
    first: Benchmark, policies: list[str], seed: int, planned: int, smallest_effect: float
) -> ComparisonMetadata:
    """comparison.json before the first run."""
    return ComparisonMetadata(
        scenario=first.config.scenario,
        started_utc=now_utc(),
        seed=seed,
        planned_runs=planned,
        policies=dict.fromkeys(policies),
        smallest_effect=smallest_effect,
    )


def _at(place: Path, comparison: Comparison) -> Comparison:
    """The comparison, read from the open folder, because somebody could put another folder under its name."""
    for run in comparison.runs:
        run.folder = place / run.folder.name
    comparison.folder = place
    return comparison


def _measure_overhead(benchmark: Benchmark, rounds: int, interruption: Interruption) -> Overhead | None:
    """The cost of the probes; None if it was not requested, or somebody has asked for the end."""
    if not rounds or interruption.signal_number:
        return None
    config = benchmark.config
    sizes = [size for size, _ in config.sizes if size] or [_OVERHEAD_BYTES]
    try:
        with interruption.ended_at_once(_COST_LEFT_OUT):
            return measure_overhead(max(sizes), [config.probe_level], rounds, config.mechanism)
    except KeyboardInterrupt:
        return None


def _with_results(store: Store, interruption: Interruption) -> Comparison:
    """Results, computed from the runs' tables in the folder, as anybody would read them later."""
    with interruption.telling(_PUT_TOGETHER):
        store.write()
        store.content = with_results(load_comparison(store.path)).meta
        store.write()
        return load_comparison(store.path)


def _write_report(comparison: Comparison, interruption: Interruption) -> None:
    """Writes figures and report; nothing if somebody has asked for the end or the disk is full. OSError."""
    if interruption.signal_number:
        return
    figures, page = comparison.folder / "figures", comparison.folder / "report.html"
    try:
        with interruption.telling(_REPORT_LEFT_OUT), own_settings():
            # imported late, because matplotlib takes as long to import as everything else together. An exception from a
            # signal handler could be lost while a compiled module is initialised.
            write_report = importlib.import_module("zcprobe.report.html").write_report
        with interruption.ended_at_once(_REPORT_LEFT_OUT):
            write_report(comparison)
    except BaseException as error:
        shutil.rmtree(figures, ignore_errors=True)
        page.unlink(missing_ok=True)
        if not isinstance(error, KeyboardInterrupt) or interruption.requests > 1:
            raise
