"""One run from its configuration to a complete run folder."""

import importlib
import secrets
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import msgspec

from zcprobe.config import DEFAULT_DATAGRAM_BYTES, RunConfig
from zcprobe.errors import DataLossError, ReconciliationError
from zcprobe.host.cpu import host_metadata
from zcprobe.host.limits import read_limits
from zcprobe.lab.calibration import CALIBRATION_S, Calibration, calibrated, deadline_s, notifications_that_fit
from zcprobe.lab.effects import Effects
from zcprobe.lab.journal import Journal, journal
from zcprobe.lab.limits import roomy_optmem_bytes
from zcprobe.lab.open import Lab, OpenLab, open_path
from zcprobe.lab.remote import REMOTE, OpenRemote
from zcprobe.lab.scenarios import Scenario, find_scenario, with_hold
from zcprobe.policies import find_policy
from zcprobe.probes.session import MeasurementCounts, ProbeSession, Target
from zcprobe.probes.sockets import SocketCounts
from zcprobe.recorder.child import Child
from zcprobe.recorder.interrupt import Interruption
from zcprobe.recorder.metadata import RunMetadata, now_utc, write_json
from zcprobe.recorder.reconcile import (
    Finding,
    lost_events_finding,
    reconcile_counts,
    reconcile_probes,
    reconcile_sender,
    reconcile_sink,
    sends_in_flight,
)
from zcprobe.recorder.run_directory import folder_name, open_run_directory
from zcprobe.recorder.run_warnings import warnings_of, with_pauses
from zcprobe.recorder.summary import summarize, summarize_channel
from zcprobe.recorder.tables import EVENT_TABLE, SENDER_TABLES
from zcprobe.recorder.totals import EventTotals, add_up_events, combine, totals_of_counts
from zcprobe.rules import refuse_without_effect
from zcprobe.sender import SenderCalibrated, SenderReady, SenderReport, SenderTask
from zcprobe.sink import Reading, SinkReady, SinkTask

__all__ = ["CompletedRun", "check_complete", "new_run_id", "open_probes", "record_run", "with_scenario_defaults"]

_START_TIMEOUT_S = 20.0
_REPORT_TIMEOUT_S = 20.0
"""Beyond the run's deadlines: to ask the sink, and to write the last records."""


class CompletedRun(msgspec.Struct, frozen=True):
    folder: Path
    metadata: RunMetadata


class _Measured(msgspec.Struct):
    """What the processes and probes of one run left, on the path as it was impaired."""

    config: RunConfig
    scenario: Scenario
    lab: Lab
    calibration: Calibration | None
    effects: Effects
    ready: SenderReady
    report: SenderReport
    counts: MeasurementCounts


def new_run_id() -> str:
    return secrets.token_hex(3)


def _scenario_of(config: RunConfig) -> Scenario:
    """Towards a sink elsewhere there is none: the defaults of the control stand in for traffic that was left open."""
    if config.to is None:
        return with_hold(find_scenario(config.scenario), config.hold_one_in_count, config.hold_rate_bps)
    control = find_scenario("in-order")
    return msgspec.structs.replace(control, name=REMOTE, description="a path that is not ours", optmem_max_bytes=None)


def with_scenario_defaults(config: RunConfig) -> RunConfig:
    """Validated, with the scenario's values for what was left open. UsageError, also for what would have no effect."""
    config.validate()
    refuse_without_effect(config)
    scenario = _scenario_of(config)
    send_bytes = config.send_bytes or _default_send_bytes(config, scenario)
    count = config.send_count
    if count is None and config.duration_s is None and not _calibrates(config, scenario):
        count = _default_send_count(config, scenario, send_bytes)
    sockets = config.socket
    if sockets.sndbuf_bytes is None:
        sockets = msgspec.structs.replace(sockets, sndbuf_bytes=scenario.sndbuf_bytes)
    complete = msgspec.structs.replace(
        config,
        scenario=scenario.name,
        send_bytes=send_bytes,
        send_count=count,
        socket=sockets,
        optmem_max_bytes=config.optmem_max_bytes or scenario.optmem_max_bytes,
    )
    if scenario.is_control and config.to is None and complete.optmem_max_bytes is None:
        smallest = min(size for size, _ in complete.sizes)
        room = roomy_optmem_bytes(smallest, complete.socket.sndbuf_bytes)
        complete = msgspec.structs.replace(complete, optmem_max_bytes=room)
    complete.validate()
    return complete


def _default_send_bytes(config: RunConfig, scenario: Scenario) -> int:
    return DEFAULT_DATAGRAM_BYTES if config.protocol == "udp" else scenario.send_bytes


def _default_send_count(config: RunConfig, scenario: Scenario, send_bytes: int) -> int:
    """A reader stalls, or falls behind, after so many bytes: of datagrams, which are smaller, that takes more."""
    if config.protocol == "udp" and scenario.reading != Reading():
        return scenario.send_count * scenario.send_bytes // send_bytes
    return scenario.send_count


def open_probes(config: RunConfig) -> AbstractContextManager[ProbeSession | None]:
    """The probes that runs of this configuration need, loaded; None at level off."""
    if config.probe_level == "off":
        return nullcontext(None)
    memlock = _scenario_of(config).memlock_bytes is not None or read_limits().memlock_applies
    return ProbeSession(config.mechanism, config.probe_level, memlock=memlock)


def _spool(folder: Path, table: str, channel: int = 0) -> Path:
    return folder / f".{table}.{channel}.spool"


def _sender_task(config: RunConfig, scenario: Scenario, lab: Lab, folder: Path) -> SenderTask:
    channels = range(config.channels) if config.record else ()
    return SenderTask(
        address=lab.sink_address,
        port=lab.sink_port,
        config=config,
        flush_variant=config.flush_variant or find_policy(config.policy).flush_variant,
        optmem_max_bytes=lab.optmem_max_bytes,
        netns_path=lab.sender_netns_path,
        memlock_bytes=scenario.memlock_bytes,
        calibration_s=CALIBRATION_S if _calibrates(config, scenario) else None,
        spools=[[str(_spool(folder, table.name, number)) for table in SENDER_TABLES] for number in channels],
    )


def _calibrates(config: RunConfig, scenario: Scenario) -> bool:
    return config.to is None and scenario.is_calibrated


class _Children(msgspec.Struct):
    """The processes of one run; no sink where it is elsewhere."""

    sink: Child | None
    sender: Child


@contextmanager
def _children(config: RunConfig) -> Iterator[_Children]:
    """Started, without a task; on leaving they have ended."""
    with ExitStack() as stack:
        sink = None if config.to is not None else stack.enter_context(Child("zcprobe.sink"))
        yield _Children(sink, stack.enter_context(Child("zcprobe.sender")))


def _start_sink(sink: Child, config: RunConfig, scenario: Scenario, lab: Lab) -> None:
    """In its namespace; when it listens, the sender may connect."""
    task = SinkTask(
        address=lab.sink_address,
        port=lab.sink_port,
        connections=config.channels,
        calibrations=config.channels if _calibrates(config, scenario) else 0,
        reading=scenario.reading,
        netns_path=lab.sink_netns_path,
        cpu=config.affinity[1] if config.affinity else None,
    )
    sink.assign(task)
    sink.expect(SinkReady, _START_TIMEOUT_S)


def _calibrate(
    config: RunConfig, scenario: Scenario, place: OpenLab | OpenRemote, sink: Child | None, sender: Child
) -> tuple[RunConfig, Scenario, Calibration]:
    """Configuration and scenario with what follows from what the sender says of the unimpaired path; then impairs the
    path, and has the sink and the sender go on."""
    found = sender.expect(SenderCalibrated, _START_TIMEOUT_S)
    optmem_max_bytes = place.lab.optmem_max_bytes
    measured = Calibration(
        goodput_bps=found.goodput_bps,
        duration_ns=found.duration_ns,
        sends=found.sends,
        charge_bytes=found.charge_bytes,
        optmem_max_bytes=optmem_max_bytes,
        notifications_max=notifications_that_fit(optmem_max_bytes, found.charge_bytes),
    )
    scenario, calibration = calibrated(scenario, measured)
    if config.send_count is None and config.duration_s is None:
        count = _default_send_count(config, scenario, config.send_bytes or scenario.send_bytes)
        config = msgspec.structs.replace(config, send_count=count)
    place.impair(scenario)
    if sink is not None:
        sink.send_line(msgspec.json.encode(scenario.reading))
    if config.deadline_s is None:
        limit_s = deadline_s(config, scenario, found.goodput_bps)
        calibration = msgspec.structs.replace(calibration, deadline_s=limit_s)
    sender.send_line(msgspec.json.encode(_with_deadline(config, calibration)))
    return config, scenario, calibration


def _with_deadline(config: RunConfig, calibration: Calibration | None) -> RunConfig:
    """The one in force: asked for, or else calibrated."""
    if config.deadline_s is not None or calibration is None:
        return config
    return msgspec.structs.replace(config, deadline_s=calibration.deadline_s)


def _measure(
    config: RunConfig,
    place: OpenLab | OpenRemote,
    children: _Children,
    probes: ProbeSession | None,
    folder: Path,
    interruption: Interruption,
) -> _Measured:
    """The children have ended when it returns: what they are in is taken away next."""
    scenario, lab, calibration = _scenario_of(config), place.lab, None
    if not _calibrates(config, scenario):
        place.impair(scenario)
    sink, sender = children.sink, children.sender
    with sink or nullcontext(), sender:
        if sink is not None:
            _start_sink(sink, config, scenario, lab)
        sender.assign(_sender_task(config, scenario, lab, folder))
        if _calibrates(config, scenario):
            config, scenario, calibration = _calibrate(config, scenario, place, sink, sender)
        limit_s = _with_deadline(config, calibration).limit_s
        ready = sender.expect(SenderReady, _START_TIMEOUT_S)
        cookies = ready.cookies if config.to is not None else []
        events = _spool(folder, EVENT_TABLE.name)
        target = Target(lab.sender_netns_inode, cookies, level=config.probe_level)
        watching = probes.measure(target, events) if probes else nullcontext(MeasurementCounts())
        with watching as counts, interruption.forwarded_to(lambda: sender.signal(signal.SIGINT)):
            sender.send_line()
            report = sender.expect(SenderReport, limit_s + config.settle_s + _REPORT_TIMEOUT_S)
            # the sockets are destroyed when the process ends: their last events belong to the run
            sender.process.wait()
        effects = place.read_effects()
    return _Measured(config, scenario, place.lab, calibration, effects, ready, report, counts)


def _socket_counts(measured: _Measured) -> list[SocketCounts | None]:
    """What the kernel counted of each channel's socket; None for one that it never saw."""
    return [measured.counts.sockets.get(cookie) for cookie in measured.ready.cookies]


def _totals(config: RunConfig, measured: _Measured, folder: Path) -> list[EventTotals]:
    """Of each channel's socket, from its events, or from the kernel's counts where none were streamed."""
    events = _spool(folder, EVENT_TABLE.name)
    baselines = [channel.result["optmem_baseline_bytes"] for channel in measured.report.channels]
    if config.probe_level == "summary":
        return [
            totals_of_counts(counts, baseline) if counts else EventTotals()
            for counts, baseline in zip(_socket_counts(measured), baselines, strict=True)
        ]
    return [
        add_up_events(events, cookie, baseline, measured.ready.charge_bytes)
        for cookie, baseline in zip(measured.ready.cookies, baselines, strict=True)
    ]


def _reconcile_channel(
    config: RunConfig, measured: _Measured, number: int, totals: EventTotals | None, folder: Path
) -> list[Finding]:
    report = measured.report.channels[number]
    spools = [_spool(folder, name, number) if config.record else None for name in ("notifications", "sends")]
    is_datagram = config.protocol == "udp"
    findings = reconcile_sender(report, *spools)
    findings += reconcile_sink(report, is_datagram=is_datagram, overwrites=config.traffic.reuse == "at-once")
    if totals is not None:
        is_tcp = not is_datagram and config.family != "vsock"
        findings += reconcile_probes(report, totals, measured.ready.charge_bytes, is_tcp=is_tcp)
        counts = _socket_counts(measured)[number]
        if counts is not None:
            findings += reconcile_counts(totals, counts, sends_in_flight=sends_in_flight(report))
    if config.channels == 1:
        return findings
    return [msgspec.structs.replace(item, what=f"channel {number}: {item.what}") for item in findings]


def _reconcile(config: RunConfig, measured: _Measured, totals: list[EventTotals], folder: Path) -> list[Finding]:
    findings = [lost_events_finding(measured.counts.lost_events)] if totals else []
    for number in range(config.channels):
        findings += _reconcile_channel(config, measured, number, totals[number] if totals else None, folder)
    return findings


def _write_tables(folder: Path) -> dict[str, int]:
    """Spool files become Parquet and go away; table name -> rows. Tables of other traffic are left out."""
    from zcprobe.recorder.parquet import write_table

    rows = {}
    for table in (*SENDER_TABLES, EVENT_TABLE):
        spools = sorted(folder.glob(f".{table.name}.*.spool"), key=lambda path: int(path.suffixes[-2][1:]))
        optional = table.name in ("rounds", "requests") and not any(path.stat().st_size for path in spools)
        if spools and not optional:
            rows[table.name] = write_table(table, spools, folder)
        for spool in spools:
            spool.unlink()
    return rows


def _store(
    config: RunConfig,
    run_id: str,
    started: str,
    probes: ProbeSession | None,
    measured: _Measured,
    folder: Path,
) -> RunMetadata:
    totals = _totals(config, measured, folder) if probes is not None else []
    together = combine(totals) if totals else None
    if probes is not None and together is not None:
        stack_ids = sorted({*together.stack_ids, *measured.counts.copy_paths})
        write_json(folder / "stacks.json", probes.resolve_stacks(stack_ids))
    findings = _reconcile(config, measured, totals, folder)
    is_datagram = config.protocol == "udp"
    summary = summarize(
        measured.report,
        together,
        optmem_max_bytes=measured.lab.optmem_max_bytes,
        charge_bytes=measured.ready.charge_bytes,
        lost_events=measured.counts.lost_events,
        is_datagram=is_datagram,
    )
    effects = with_pauses(measured.effects, measured.scenario, measured.report)
    metadata = RunMetadata(
        run_id=run_id,
        started_utc=started,
        complete=all(finding.holds for finding in findings),
        config=config,
        scenario=msgspec.to_builtins(measured.scenario),
        lab=msgspec.to_builtins(measured.lab),
        calibration=measured.calibration,
        effects=effects,
        warnings=warnings_of(config, measured.scenario, measured.lab, effects, summary),
        host=dict(host_metadata()),
        probes=probes.mechanisms if probes else {},
        attached=probes.attached if probes else [],
        typed_tracepoints=probes.typed if probes else False,
        lost_by_kind=measured.counts.lost_by_kind,
        missed_runs=measured.counts.missed_runs,
        sockets=[counts for counts in _socket_counts(measured) if counts is not None],
        copy_paths={str(stack): count for stack, count in measured.counts.copy_paths.items()},
        send_results={str(number): count for number, count in measured.counts.send_results.items()},
        rows=_write_tables(folder),
        reconciliation=findings,
        summary=summary,
        channels=[summarize_channel(one, is_datagram=is_datagram) for one in measured.report.channels],
        cookies=measured.ready.cookies,
    )
    write_json(folder / "run.json", metadata)
    return metadata


@contextmanager
def _place(config: RunConfig, run_id: str, entry: Journal) -> Iterator[OpenLab | OpenRemote]:
    if config.to is not None:
        yield OpenRemote(config.to)
        return
    with open_path(
        config.scenario,
        run_id=run_id,
        family=config.family,
        protocol=config.protocol,
        optmem_max_bytes=config.optmem_max_bytes,
        run_journal=entry,
        link=config.link,
    ) as place:
        yield place


def _import_table_libraries() -> None:
    """numpy and pyarrow, while the children start; later it would disturb what is measured."""
    importlib.import_module("zcprobe.recorder.parquet")


def record_run(
    config: RunConfig, parent: Path, probes: ProbeSession | None, interruption: Interruption
) -> CompletedRun:
    """Runs and stores it below `parent`; nothing stays behind on an error. `config` has the scenario's defaults.

    Whether all counts reconcile is said by `check_complete`, so that the caller can report the run first.
    """
    run_id, started = new_run_id(), now_utc()
    name = folder_name(config.scenario, config.policy, run_id)
    with ExitStack() as stack:
        entry = stack.enter_context(journal(run_id))
        directory = stack.enter_context(open_run_directory(parent, name, entry))
        with _children(config) as children, _place(config, run_id, entry) as place:
            _import_table_libraries()
            measured = _measure(config, place, children, probes, directory.path, interruption)
        metadata = _store(measured.config, run_id, started, probes, measured, directory.path)
        directory.keep()
        return CompletedRun(directory.path, metadata)


def check_complete(run: CompletedRun) -> None:
    """DataLossError naming the first count that was lost, else ReconciliationError naming the first that differs."""
    broken = [finding for finding in run.metadata.reconciliation if not finding.holds]
    if not broken:
        return
    # what was lost makes counts differ, too
    finding = next((one for one in broken if one.kind == "lost"), broken[0])
    text = f"{finding.what}: expected {finding.expected}, found {finding.found} (kept in {run.folder})"
    if finding.kind == "lost":
        raise DataLossError(text, "run again with less load, or a smaller -n")
    if run.metadata.missed_runs:
        skipped = ", ".join(f"{name}: {count}" for name, count in sorted(run.metadata.missed_runs.items()))
        text += f"; the kernel skipped runs of probes ({skipped})"
        raise ReconciliationError(text, "run again; if it recurs, without other load on the machine")
    raise ReconciliationError(text, "the run cannot be trusted; please report it with its folder")
