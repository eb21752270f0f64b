"""A comparison: policies on the same traffic, repeats interleaved and shuffled, so that drift hits all alike."""

import importlib
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from zcprobe.analysis.comparisons import with_results
from zcprobe.benchmark.defaults import Benchmark
from zcprobe.benchmark.run import CompletedRun, new_run_id, record_run
from zcprobe.config import RunConfig
from zcprobe.dataset.load import Comparison, load_comparison
from zcprobe.directory import Directory
from zcprobe.errors import OutputError, UsageError
from zcprobe.format.metadata import FORMAT_MINOR, FORMAT_VERSION
from zcprobe.interrupt import Interruption
from zcprobe.isolation import own_settings
from zcprobe.journal import journal
from zcprobe.overhead.measure import measure_overhead
from zcprobe.policies import find_policy
from zcprobe.recorder.metadata import now_utc, write_sealed
from zcprobe.recorder.run_directory import RunDirectory, folder_name, open_run_directory
from zcprobe.seal import seal_of

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["PlannedRun", "compare", "plan_runs"]


_OVERHEAD_BYTES = 65536
"""Of a send, where the traffic has no size of its own."""

_COST_LEFT_OUT = "ending: what the probes cost is not measured to its end; the runs are kept"
_PUT_TOGETHER = "ending: the runs are kept, and their results are put together; once more ends it at once"
_REPORT_LEFT_OUT = "ending: the runs and their results are kept; the report is left out, and zcprobe report makes it"


class PlannedRun(msgspec.Struct, frozen=True):
    """`repeat` counts from 1 within a policy."""

    policy: str
    repeat: int


def plan_runs(policies: list[str], repeats: int, seed: int) -> list[PlannedRun]:
    """Every policy once per repeat, in an order shuffled anew for each repeat. UsageError for what is no plan."""
    if repeats < 1:
        raise UsageError(f"{repeats} repeats are no comparison", "choose --repeats of 1 or more; 5 give an interval")
    if len(set(policies)) != len(policies):
        raise UsageError(f"a policy stands twice in {','.join(policies)}", "name each policy once")
    for policy in policies:
        find_policy(policy)
    order = random.Random(seed)
    planned = []
    for repeat in range(1, repeats + 1):
        round_policies = list(policies)
        order.shuffle(round_policies)
        planned += [PlannedRun(policy, repeat) for policy in round_policies]
    return planned


class _Growing:
    """A comparison's folder: it has its name, and a comparison.json that tells which runs are there, from the moment
    that the first run is in its place. Nothing that comes later takes a run back."""

    def __init__(self, directory: RunDirectory, content: dict[str, object], planned: int) -> None:
        self._directory = directory
        self._planned = planned
        self.content = content
        self.runs: list[dict[str, object]] = []
        self._kept = 0

    @property
    def path(self) -> Path:
        return self._directory.path

    @property
    def directory(self) -> Directory:
        return self._directory.directory

    def add(self, planned: PlannedRun, done: CompletedRun) -> None:
        """Whatever fails here, the folder is shown: until then it would be removed with the run that is in it."""
        self._kept += 1
        try:
            self.runs.append(_entry(planned, done, self.path))
            self.write()
        finally:
            if not self._directory.kept:
                self._directory.show()

    def leave_unnamed(self) -> None:
        """A run that is whole but could not get its name stays where its message says, if it is the first as well."""
        if os.listdir(self.directory.fd):
            self._directory.kept = True

    def write(self) -> None:
        """Aside and renamed, so that a reader, and a disk that is full, finds the last one whole."""
        aside = self.path / ".comparison.json.partial"
        try:
            write_sealed(aside, {**self.content, "runs": self.runs})
            aside.replace(self.path / "comparison.json")
        except OSError:
            aside.unlink(missing_ok=True)
            raise

    @contextmanager
    def noting_what_is_kept(self) -> Iterator[None]:
        """Whatever ends the block early says where the runs are, and what can be done with them."""
        try:
            yield
        except BaseException as error:
            if self._kept:
                count = f"{self._kept} of {self._planned} runs are"
                place = self._directory.place
                error.add_note(f"{count} kept in {place}: zcprobe report {place} shows them")
            raise


def _record_all(
    plan: list[PlannedRun],
    benchmarks: dict[str, Benchmark],
    growing: _Growing,
    probes: "ProbeSession | None",
    interruption: Interruption,
    on_run: Callable[[PlannedRun, CompletedRun], None],
) -> None:
    for planned in plan:
        try:
            keep = partial(growing.add, planned)
            done = record_run(benchmarks[planned.policy], growing.directory, probes, interruption, on_kept=keep)
        except KeyboardInterrupt:
            # a first request that came before the sender ran: there is no run to keep, but those before it
            if interruption.requests > 1:
                raise
            return
        except OutputError:
            growing.leave_unnamed()
            raise
        on_run(planned, done)
        if interruption.signal_number:
            return


def _entry(planned: PlannedRun, done: CompletedRun, folder: Path) -> dict[str, object]:
    return {
        "folder": done.folder.name,
        "sha256": seal_of((folder / done.folder.name / "run.json").read_bytes()),
        "policy": planned.policy,
        "repeat": planned.repeat,
        "outcome": done.metadata.summary.outcome,
        "complete": done.metadata.complete,
        "warnings": [warning.id for warning in done.metadata.warnings],
    }


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
) -> Comparison:
    """Runs the plan and stores its results, what the probes themselves cost (measured in `overhead_rounds` on a path
    without impairment), and unless `report` is False figures and report, beside the runs.

    `benchmarks`: policy -> what its runs are, alike but for policy and parameters.
    `probes` are closed once the runs are made: what probes cost is measured against a side without any. Interrupted, it
    goes on with the results of the runs made so far, without the rest. Each run is in its place once it is made: an
    error that comes later has a note that says where.
    """
    policies = list(benchmarks)
    scenario = benchmarks[policies[0]].config.scenario
    plan = plan_runs(policies, repeats, seed)
    run_id, started = new_run_id(), now_utc()
    with ExitStack() as stack:
        entry = stack.enter_context(journal(run_id, interruption.raised()))
        name = folder_name(scenario, "compare", run_id)
        directory = stack.enter_context(open_run_directory(parent, name, entry))
        content: dict[str, object] = {
            "format_version": FORMAT_VERSION,
            "format_minor": FORMAT_MINOR,
            "scenario": scenario,
            "started_utc": started,
            "seed": seed,
            "planned_runs": len(plan),
            "policies": {policy: {} for policy in policies},
            "verdict": [],
            "overhead": None,
        }
        growing = _Growing(directory, content, len(plan))
        with growing.noting_what_is_kept():
            _record_all(plan, benchmarks, growing, probes, interruption, on_run)
            if not growing.runs:
                interruption.give_up()
            if probes is not None:
                probes.close()
                content["overhead"] = _measure_overhead(benchmarks[policies[0]].config, overhead_rounds, interruption)
            comparison = _with_results(growing, interruption)
            if report:
                _write_report(comparison, interruption)
        return _at(directory.place, comparison)


def _at(place: Path, comparison: Comparison) -> Comparison:
    """As it was read from the folder that is held: by its name somebody else could show another."""
    for run in comparison.runs:
        run.folder = place / run.folder.name
    return Comparison(place, comparison.meta, comparison.runs, comparison.skipped)


def _measure_overhead(config: RunConfig, rounds: int, interruption: Interruption) -> object:
    """None where nobody asks, or somebody is waiting for the end."""
    if not rounds or interruption.signal_number:
        return None
    sizes = [size for size, _ in config.sizes if size] or [_OVERHEAD_BYTES]
    try:
        with interruption.ended_at_once(_COST_LEFT_OUT):
            return msgspec.to_builtins(measure_overhead(max(sizes), [config.probe_level], rounds, config.mechanism))
    except KeyboardInterrupt:
        return None


def _with_results(growing: _Growing, interruption: Interruption) -> Comparison:
    """The runs' tables are read back from the folder, as anybody would read them later."""
    with interruption.telling(_PUT_TOGETHER):
        growing.write()
        comparison = with_results(load_comparison(growing.path))
        growing.content |= {key: comparison.meta[key] for key in ("policies", "verdict")}
        growing.write()
        return load_comparison(growing.path)


def _write_report(comparison: Comparison, interruption: Interruption) -> None:
    """All of it or, when somebody is waiting for the end, or the disk is full, nothing. OSError."""
    if interruption.signal_number:
        return
    figures, page = comparison.folder / "figures", comparison.folder / "report.html"
    try:
        with interruption.telling(_REPORT_LEFT_OUT), own_settings():
            # late: it takes matplotlib, which is as much to import as all else together. An exception out of a signal's
            # handler could be lost while a compiled module starts.
            write_report = importlib.import_module("zcprobe.report.html").write_report
        with interruption.ended_at_once(_REPORT_LEFT_OUT):
            write_report(comparison)
    except BaseException as error:
        shutil.rmtree(figures, ignore_errors=True)
        page.unlink(missing_ok=True)
        if not isinstance(error, KeyboardInterrupt) or interruption.requests > 1:
            raise
