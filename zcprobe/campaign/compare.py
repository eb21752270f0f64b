"""A comparison: policies on the same traffic, repeats interleaved and shuffled, so that drift hits all alike."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec

from zcprobe.analysis.policies import policy_results
from zcprobe.analysis.verdict import verdict
from zcprobe.campaign.overhead import measure_overhead
from zcprobe.config import RunConfig
from zcprobe.dataset.load import Comparison, load_comparison
from zcprobe.errors import UsageError
from zcprobe.isolation import own_settings
from zcprobe.lab.journal import journal
from zcprobe.policies import find_policy
from zcprobe.probes.session import ProbeSession
from zcprobe.recorder.interrupt import Interruption
from zcprobe.recorder.metadata import FORMAT_VERSION, now_utc, write_json
from zcprobe.recorder.run import CompletedRun, new_run_id, record_run
from zcprobe.recorder.run_directory import folder_name, open_run_directory

__all__ = ["PlannedRun", "compare", "plan_runs"]


_OVERHEAD_BYTES = 65536
"""Of a send, where the traffic has no size of its own."""


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


def _record_all(
    plan: list[PlannedRun],
    configs: dict[str, RunConfig],
    folder: Path,
    probes: ProbeSession | None,
    interruption: Interruption,
) -> Iterator[tuple[PlannedRun, CompletedRun]]:
    for planned in plan:
        try:
            done = record_run(configs[planned.policy], folder, probes, interruption)
        except KeyboardInterrupt:
            # a first request that came before the sender ran: there is no run to keep, but those before it
            if interruption.requests > 1:
                raise
            return
        yield planned, done
        if interruption.signal_number:
            return


def _entry(planned: PlannedRun, done: CompletedRun) -> dict[str, object]:
    return {
        "folder": done.folder.name,
        "policy": planned.policy,
        "repeat": planned.repeat,
        "outcome": done.metadata.summary.outcome,
        "complete": done.metadata.complete,
        "warnings": [warning.id for warning in done.metadata.warnings],
    }


def compare(
    configs: dict[str, RunConfig],
    repeats: int,
    seed: int,
    parent: Path,
    probes: ProbeSession | None,
    interruption: Interruption,
    on_run: Callable[[PlannedRun, CompletedRun], None],
    overhead_rounds: int = 0,
    *,
    report: bool = True,
) -> Comparison:
    """Runs the plan and stores its results, what the probes themselves cost (measured in `overhead_rounds` on a path
    without impairment), and unless `report` is False figures and report, beside the runs.

    `configs` has a configuration for each policy, with the scenario's defaults and alike but for policy and parameters.
    `probes` are closed once the runs are made: what probes cost is measured against a side without any. Interrupted, it
    keeps the runs made so far.
    """
    policies = list(configs)
    scenario = configs[policies[0]].scenario
    plan = plan_runs(policies, repeats, seed)
    run_id, started = new_run_id(), now_utc()
    with ExitStack() as stack:
        entry = stack.enter_context(journal(run_id))
        name = folder_name(scenario, "compare", run_id)
        directory = stack.enter_context(open_run_directory(parent, name, entry))
        runs = []
        for planned, done in _record_all(plan, configs, directory.path, probes, interruption):
            runs.append(_entry(planned, done))
            on_run(planned, done)
        if not runs:
            raise KeyboardInterrupt(interruption.signal_number)
        if probes is not None:
            probes.close()
        content = {
            "format_version": FORMAT_VERSION,
            "scenario": scenario,
            "started_utc": started,
            "seed": seed,
            "planned_runs": len(plan),
            "runs": runs,
            "policies": {policy: {} for policy in policies},
            "overhead": _measure_overhead(configs[policies[0]], overhead_rounds, probes, interruption),
        }
        write_json(directory.path / "comparison.json", content)
        _add_results(directory.path, content, policies)
        if report:
            # late: it takes matplotlib, which is as much to import as all else together
            with own_settings():
                from zcprobe.report.html import write_report

            write_report(load_comparison(directory.path))
        directory.keep()
        return load_comparison(directory.path)


def _measure_overhead(
    config: RunConfig, rounds: int, probes: ProbeSession | None, interruption: Interruption
) -> object:
    """None where there are no probes, nobody asks, or somebody is waiting for the end."""
    if probes is None or not rounds or interruption.signal_number:
        return None
    sizes = [size for size, _ in config.sizes if size] or [_OVERHEAD_BYTES]
    return msgspec.to_builtins(measure_overhead(max(sizes), [config.probe_level], rounds, config.mechanism))


def _add_results(folder: Path, content: dict[str, object], policies: list[str]) -> None:
    """The runs' tables are read back from the folder, as anybody would read them later."""
    runs = load_comparison(folder).runs
    results = policy_results(runs)
    ordered = {policy: results[policy] for policy in policies if policy in results}
    content |= {"policies": ordered, "verdict": verdict(ordered, runs)}
    write_json(folder / "comparison.json", content)
