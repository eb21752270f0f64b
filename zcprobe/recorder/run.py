"""One run from its configuration to a complete run folder."""

import secrets
import signal
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

import msgspec

from zcprobe.config import RunConfig
from zcprobe.errors import DataLossError, ReconciliationError
from zcprobe.host.cpu import host_metadata
from zcprobe.lab.journal import journal
from zcprobe.lab.scenarios import Lab, Scenario, find_scenario, open_lab
from zcprobe.policies import find_policy
from zcprobe.probes.session import MeasurementCounts, ProbeSession
from zcprobe.recorder.child import Child
from zcprobe.recorder.interrupt import Interruption
from zcprobe.recorder.metadata import RunMetadata, now_utc, write_json
from zcprobe.recorder.reconcile import Finding, reconcile_probes, reconcile_sender, reconcile_sink
from zcprobe.recorder.run_directory import folder_name, open_run_directory
from zcprobe.recorder.summary import summarize
from zcprobe.recorder.tables import EVENT_TABLE, SENDER_TABLES, write_table
from zcprobe.recorder.totals import EventTotals, add_up_events
from zcprobe.sender import SenderReady, SenderReport, SenderTask
from zcprobe.sink import DEFAULT_PORT, SinkReady, SinkTask

__all__ = ["CompletedRun", "check_complete", "new_run_id", "record_run", "with_scenario_defaults"]

_START_TIMEOUT_S = 20.0
_REPORT_TIMEOUT_S = 20.0


class CompletedRun(msgspec.Struct, frozen=True):
    folder: Path
    metadata: RunMetadata


class _Measured(msgspec.Struct):
    """What the processes and probes of one run left."""

    ready: SenderReady
    report: SenderReport
    counts: MeasurementCounts


def new_run_id() -> str:
    return secrets.token_hex(3)


def with_scenario_defaults(config: RunConfig) -> RunConfig:
    """Validated, with the scenario's values for what was left open. UsageError."""
    config.validate()
    scenario = find_scenario(config.scenario)
    count = config.send_count
    if count is None:
        count = 0 if config.duration_s is not None else scenario.send_count
    return msgspec.structs.replace(
        config,
        send_bytes=config.send_bytes or scenario.send_bytes,
        send_count=count,
        optmem_max_bytes=config.optmem_max_bytes or scenario.optmem_max_bytes,
    )


def _sender_task(config: RunConfig, scenario: Scenario, lab: Lab, folder: Path) -> SenderTask:
    policy = find_policy(config.policy)
    spools = [str(_spool(folder, table.name)) for table in SENDER_TABLES]
    return SenderTask(
        address=lab.sink_address,
        port=DEFAULT_PORT,
        netns_path=lab.sender_netns_path,
        policy=policy.name,
        flush_variant=policy.flush_variant,
        send_bytes=config.send_bytes or 0,
        send_count=config.send_count or 0,
        duration_ns=int((config.duration_s or 0) * 1e9),
        deadline_ns=int(config.limit_s * 1e9),
        settle_ns=int(config.settle_s * 1e9),
        meminfo_interval_ns=config.meminfo_interval_ns,
        zerocopy=config.zerocopy,
        memlock_bytes=scenario.memlock_bytes,
        cpu=config.affinity[0] if config.affinity else None,
        spool_paths=spools if config.record else None,
    )


def _spool(folder: Path, table: str) -> Path:
    return folder / f".{table}.spool"


def _measure(
    sink_task: SinkTask,
    sender_task: SenderTask,
    watching: AbstractContextManager[MeasurementCounts],
    timeout_s: float,
    interruption: Interruption,
) -> _Measured:
    with Child("zcprobe.sink", sink_task) as sink:
        sink.expect(SinkReady, _START_TIMEOUT_S)
        with Child("zcprobe.sender", sender_task) as sender:
            ready = sender.expect(SenderReady, _START_TIMEOUT_S)
            with watching as counts, interruption.forwarded_to(lambda: sender.signal(signal.SIGINT)):
                sender.send_line()
                report = sender.expect(SenderReport, timeout_s)
                # the socket is destroyed when the process ends: its last events belong to the run
                sender.process.wait()
    return _Measured(ready, report, counts)


def _measure_in_lab(
    config: RunConfig, lab: Lab, probes: ProbeSession | None, folder: Path, interruption: Interruption
) -> _Measured:
    events = _spool(folder, EVENT_TABLE.name)
    watching = probes.measure(lab.sender_netns_inode, events) if probes else nullcontext(MeasurementCounts())
    return _measure(
        SinkTask(lab.sink_address, DEFAULT_PORT, lab.sink_netns_path, config.affinity[1] if config.affinity else None),
        _sender_task(config, find_scenario(config.scenario), lab, folder),
        watching,
        config.limit_s + config.settle_s + _REPORT_TIMEOUT_S,
        interruption,
    )


def _reconcile(measured: _Measured, totals: EventTotals | None, folder: Path) -> list[Finding]:
    recorded = _spool(folder, "sends").exists()
    findings = reconcile_sender(
        measured.report,
        _spool(folder, "notifications") if recorded else None,
        _spool(folder, "sends") if recorded else None,
    )
    findings += reconcile_sink(measured.report)
    if totals is not None:
        findings += reconcile_probes(measured.report, totals, measured.counts.lost_events, measured.ready.charge_bytes)
    return findings


def _write_tables(folder: Path) -> dict[str, int]:
    """Spool files become Parquet and go away; table name -> rows."""
    rows = {}
    for table in (*SENDER_TABLES, EVENT_TABLE):
        spool = _spool(folder, table.name)
        if spool.exists():
            rows[table.name] = write_table(table, spool, folder)
            spool.unlink()
    return rows


def _store(
    config: RunConfig,
    run_id: str,
    started: str,
    lab: Lab,
    probes: ProbeSession | None,
    measured: _Measured,
    folder: Path,
) -> RunMetadata:
    totals = None
    if probes is not None:
        baseline = measured.report.result["optmem_baseline_bytes"]
        totals = add_up_events(
            _spool(folder, EVENT_TABLE.name), measured.ready.cookie, baseline, measured.ready.charge_bytes
        )
        write_json(folder / "stacks.json", probes.resolve_stacks(totals.stack_ids))
    findings = _reconcile(measured, totals, folder)
    metadata = RunMetadata(
        run_id=run_id,
        started_utc=started,
        complete=all(finding.holds for finding in findings),
        config=config,
        scenario=msgspec.to_builtins(find_scenario(config.scenario)),
        lab=msgspec.to_builtins(lab),
        host=dict(host_metadata()),
        probes=probes.mechanisms if probes else {},
        send_results={str(number): count for number, count in measured.counts.send_results.items()},
        rows=_write_tables(folder),
        reconciliation=findings,
        summary=summarize(
            measured.report,
            totals,
            optmem_max_bytes=lab.optmem_max_bytes,
            charge_bytes=measured.ready.charge_bytes,
            lost_events=measured.counts.lost_events,
        ),
    )
    write_json(folder / "run.json", metadata)
    return metadata


def record_run(
    config: RunConfig, parent: Path, probes: ProbeSession | None, interruption: Interruption
) -> CompletedRun:
    """Runs and stores it below `parent`; nothing stays behind on an error. `config` has the scenario's defaults.

    Whether all counts reconcile is said by `check_complete`, so that the caller can report the run first.
    """
    run_id, started = new_run_id(), now_utc()
    scenario = find_scenario(config.scenario)
    name = folder_name(config.scenario, config.policy, run_id)
    with ExitStack() as stack:
        entry = stack.enter_context(journal(run_id))
        directory = stack.enter_context(open_run_directory(parent, name, entry))
        with open_lab(
            scenario, run_id=run_id, family=config.family, optmem_max_bytes=config.optmem_max_bytes, run_journal=entry
        ) as lab:
            measured = _measure_in_lab(config, lab, probes, directory.path, interruption)
        metadata = _store(config, run_id, started, lab, probes, measured, directory.path)
        directory.keep()
        return CompletedRun(directory.path, metadata)


def check_complete(run: CompletedRun) -> None:
    """DataLossError or ReconciliationError naming the first count that does not hold."""
    for finding in run.metadata.reconciliation:
        if finding.holds:
            continue
        text = f"{finding.what}: expected {finding.expected}, found {finding.found} (kept in {run.folder})"
        if finding.what.startswith("lost"):
            raise DataLossError(text, "run again with less load, or a smaller -n")
        raise ReconciliationError(text, "the run cannot be trusted; please report it with its folder")
