"""One run's measurement: its processes and probes, on a path that is calibrated and then impaired."""

import os
import signal
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from zcprobe.benchmark.defaults import calibrates, default_send_count, scenario_of
from zcprobe.benchmark.run_warnings import Disturbances
from zcprobe.config import RunConfig
from zcprobe.format.calibration import Calibration
from zcprobe.format.effects import Effects
from zcprobe.format.lab import Lab
from zcprobe.format.tables import EVENT_TABLE, SENDER_TABLES
from zcprobe.interrupt import Interruption
from zcprobe.lab.calibration import CALIBRATION_S, calibrated, deadline_s, notifications_that_fit
from zcprobe.lab.open import OpenLab
from zcprobe.lab.remote import OpenRemote
from zcprobe.lab.scenarios import Scenario
from zcprobe.native.process import CAP_KILL, using_only
from zcprobe.policies import find_policy
from zcprobe.probes.measurement import MeasurementCounts, Target
from zcprobe.recorder.child import Child, Children
from zcprobe.wire import SenderCalibrated, SenderReady, SenderReport, SenderTask, SinkReady, SinkTask

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["Measured", "measure", "spool_path"]

_START_TIMEOUT_S = 20.0
_REPORT_TIMEOUT_S = 20.0
"""Beyond the run's deadlines: to ask the sink, and to write the last records."""
_CONTINUED_S = 0.5
"""After the run's deadline a sender that somebody has stopped goes on, to tell what it had done."""
_IDLE_S, _REMOTE_IDLE_S = 3.0, 10.0
"""A path on which nothing moves for so long, beyond a stall that the scenario makes, is down, or its peer has stopped.
The stalls of a path that is not ours are not known."""


class Measured(msgspec.Struct):
    """What the processes and probes of one run left, on the path as it was impaired. `disturbances`: what became of
    them that was not the run's."""

    config: RunConfig
    scenario: Scenario
    lab: Lab
    calibration: Calibration | None
    effects: Effects
    ready: SenderReady
    report: SenderReport
    counts: MeasurementCounts
    disturbances: Disturbances


def spool_path(folder: Path, table: str, channel: int = 0) -> Path:
    return folder / f".{table}.{channel}.spool"


def _shares(config: RunConfig) -> tuple[int, int]:
    """Of the record limit: bytes of each channel's records, and of the probes' events."""
    streams_events = config.probe_level in ("timeline", "full")
    events = config.record_limit_bytes // (2 if config.record else 1) if streams_events else 0
    return (config.record_limit_bytes - events) // config.channels, events


def _sender_task(config: RunConfig, scenario: Scenario, lab: Lab, spools_fd: int | None) -> SenderTask:
    return SenderTask(
        address=lab.sink_address,
        port=lab.sink_port,
        config=config,
        flush_variant=config.flush_variant or find_policy(config.policy).flush_variant,
        optmem_max_bytes=lab.optmem_max_bytes,
        netns_path=lab.sender_netns_path,
        memlock_bytes=scenario.memlock_bytes,
        calibration_s=CALIBRATION_S if calibrates(config, scenario) else None,
        record_limit_bytes=_shares(config)[0],
        spools_fd=spools_fd if config.record else None,
        idle_s=_IDLE_S + scenario.reading.stall_s if config.to is None else _REMOTE_IDLE_S,
        ends_idle=config.duration_s is not None and config.deadline_s is None,
    )


def _hand_spools(sender: Child, channels: int, folder: Path) -> None:
    """Opened here, where the folder can be reached: the sender may write to them, and to nothing else in it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    for number in range(channels):
        with ExitStack() as stack:
            spools = []
            for table in SENDER_TABLES:
                spools.append(os.open(spool_path(folder, table.name, number), flags, 0o600))
                stack.callback(os.close, spools[-1])
            sender.hand_files(spools, _START_TIMEOUT_S)


def _start_sink(sink: Child, config: RunConfig, scenario: Scenario, lab: Lab) -> None:
    """In its namespace; when it listens, the sender may connect."""
    task = SinkTask(
        address=lab.sink_address,
        port=lab.sink_port,
        connections=config.channels,
        calibrations=config.channels if calibrates(config, scenario) else 0,
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
        channels=config.channels,
        charge_bytes=found.charge_bytes,
        optmem_max_bytes=optmem_max_bytes,
        notifications_max=notifications_that_fit(optmem_max_bytes, found.charge_bytes),
    )
    scenario, calibration = calibrated(scenario, measured)
    if config.send_count is None and config.duration_s is None:
        count = default_send_count(config, scenario, config.send_bytes or scenario.send_bytes)
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


def _unpinned(config: RunConfig, report: SenderReport, sink: Child | None) -> list[int]:
    """CPUs that -A named and that were not kept to: the kernel lets a thread run anywhere when its CPU goes offline."""
    if config.affinity is None:
        return []
    lost = config.affinity[:1] if any(channel.result["unpinned"] for channel in report.channels) else ()
    if sink is not None and sink.cpus not in (None, {config.affinity[1]}):
        lost += config.affinity[1:]
    return list(lost)


def _effects(place: OpenLab | OpenRemote) -> Effects | None:
    """None when somebody has removed a namespace of the lab: the processes in it went on, its counters are not to be
    had."""
    try:
        return place.read_effects()
    except FileNotFoundError:
        return None


def _end_early(sender: Child, interruption: Interruption) -> None:
    sender.signal(signal.SIGINT)
    sender.signal(signal.SIGCONT)  # it may be stopped
    interruption.tell("ending: what was measured is completed and kept; once more ends it at once")


def measure(
    config: RunConfig,
    place: OpenLab | OpenRemote,
    children: Children,
    probes: "ProbeSession | None",
    folder: Path,
    interruption: Interruption,
    token: str | None = None,
) -> Measured:
    """The children have ended when it returns: what they are in is taken away next."""
    scenario, lab, calibration = scenario_of(config), place.lab, None
    if not calibrates(config, scenario):
        place.impair(scenario)
    sink, sender = children.sink, children.sender
    with sink or nullcontext(), sender:
        if sink is not None:
            _start_sink(sink, config, scenario, lab)
        task = _sender_task(config, scenario, lab, sender.files_fd)
        sender.assign(msgspec.structs.replace(task, token=token))
        if config.record:
            _hand_spools(sender, config.channels, folder)
        with interruption.raised():
            if calibrates(config, scenario):
                config, scenario, calibration = _calibrate(config, scenario, place, sink, sender)
            ready = sender.expect(SenderReady, _START_TIMEOUT_S)
        limit_s = _with_deadline(config, calibration).limit_s
        cookies = ready.cookies if config.to is not None else []
        events = spool_path(folder, EVENT_TABLE.name)
        target = Target(lab.sender_netns_inode, cookies, level=config.probe_level)
        watching = probes.measure(target, events, _shares(config)[1]) if probes else nullcontext(MeasurementCounts())
        with watching as counts, interruption.forwarded_to(partial(_end_early, sender, interruption)):
            sender.send_line()
            longest_s = limit_s + config.settle_s + _REPORT_TIMEOUT_S
            due_s = config.duration_s if task.ends_idle and config.duration_s is not None else limit_s
            # the probes are attached and the path is open: nothing needs more before they are taken away
            with using_only(CAP_KILL):
                report = sender.expect(SenderReport, longest_s, continued_after_s=due_s + _CONTINUED_S, beside=sink)
                # the sockets are destroyed when the process ends: their last events belong to the run
                sender.wait()
        effects = _effects(place)
        disturbances = Disturbances(
            sender_stopped_s=sender.stopped_s,
            sink_stopped_s=sink.stopped_s if sink is not None else 0.0,
            unpinned_cpus=_unpinned(config, report, sink),
            lab_gone=effects is None,
        )
    return Measured(config, scenario, place.lab, calibration, effects or Effects(), ready, report, counts, disturbances)
