# SPDX-License-Identifier: GPL-2.0-only
"""The subject that drives: our own sender, with our own sink or a sink on another host."""

import signal
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path

import msgspec

from zcprobe.benchmark.defaults import Benchmark
from zcprobe.benchmark.intervals import IntervalReader
from zcprobe.benchmark.processes import Processes
from zcprobe.benchmark.reconcile import reconcile_probes, reconcile_sender, reconcile_sink, sends_in_flight
from zcprobe.benchmark.run_warnings import Disturbances, warnings_of, with_pauses
from zcprobe.benchmark.summary import summarize, summarize_channel
from zcprobe.child import Child
from zcprobe.format.calibration import Calibration
from zcprobe.format.effects import Effects
from zcprobe.format.findings import Finding
from zcprobe.format.metadata import Kind, RunMetadata
from zcprobe.format.scenario import RecordedScenario
from zcprobe.interrupt import Interruption
from zcprobe.lab.open import OpenLab
from zcprobe.lab.remote import OpenRemote
from zcprobe.native.process import CAP_KILL, using_only
from zcprobe.probes.measurement import Target
from zcprobe.recorder.pipeline import Measured, WatchedSocket
from zcprobe.recorder.reconcile import labelled
from zcprobe.recorder.spools import spool_path
from zcprobe.recorder.totals import EventTotals
from zcprobe.wire import ChannelReport, SenderReady, SenderReport

__all__ = ["BenchmarkSubject", "Prepared"]

_REPORT_TIMEOUT_S = 20.0
"""Time beyond the run's deadlines, to ask the sink and to write the last records."""
_CONTINUED_S = 0.5
"""Time after the run's deadline when a stopped sender is continued, so that it can report."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark whose processes wait for the go-ahead. `limit_s`: longest time until the outcome is known. The sender
    spools its records in `folder`. `intervals` reads its counters meanwhile."""

    benchmark: Benchmark
    place: OpenLab | OpenRemote
    children: Processes
    sender: SenderReady
    calibration: Calibration | None
    limit_s: float
    folder: Path
    intervals: IntervalReader | None = None


class _Ended(msgspec.Struct, frozen=True):
    """The results of a run's processes. `disturbances`: what happened to them from outside."""

    report: SenderReport
    effects: Effects
    disturbances: Disturbances


class BenchmarkSubject:
    """A `zcprobe.recorder.pipeline.Subject`. `running` ends the processes when it is closed, which `run` does."""

    kind: Kind = "benchmark"

    def __init__(self, prepared: Prepared, running: ExitStack) -> None:
        self._prepared = prepared
        self._config = prepared.benchmark.config
        self._running = running
        self._left: _Ended | None = None

    def target(self) -> Target:
        """Watches the sender's network namespace, or only the sender's sockets if the namespace is not its own."""
        cookies = self._prepared.sender.cookies if self._config.to is not None else []
        return Target(self._prepared.place.lab.sender_netns_inode, cookies, level=self._config.probe_level)

    def run(self, interruption: Interruption) -> None:
        """Runs from the go-ahead until the processes have ended. PeerError if one fails."""
        with self._running:
            report = self._send(interruption)
            sender, sink = self._prepared.children.sender, self._prepared.children.sink
            disturbances = Disturbances(
                sender_stopped_s=sender.stopped_s,
                sink_stopped_s=sink.stopped_s if sink is not None else 0.0,
                unpinned_cpus=_unpinned(self._config.affinity, report, sink),
            )
        self._left = _Ended(report, Effects(), disturbances)

    def look_back(self) -> None:
        """Reads the impairment's counters. Their netlink requests are send calls in the sender's namespace, which the
        probes would count; and what the path holds goes on moving."""
        effects = _effects(self._prepared.place)
        disturbances = msgspec.structs.replace(self._ended.disturbances, lab_gone=effects is None)
        self._left = _Ended(self._ended.report, effects or Effects(), disturbances)

    def sockets(self) -> list[WatchedSocket]:
        """The sockets of all channels, in the order of their numbers."""
        return [
            WatchedSocket(
                cookie=cookie,
                label=self._label(number),
                optmem_max_bytes=self._prepared.place.lab.optmem_max_bytes,
                optmem_baseline_bytes=report.result["optmem_baseline_bytes"],
                optmem_peak_bytes=report.result["optmem_peak_bytes"],
                charge_bytes=self._prepared.sender.charge_bytes,
                sends_in_flight=sends_in_flight(report),
            )
            for number, (cookie, report) in enumerate(
                zip(self._prepared.sender.cookies, self._ended.report.channels, strict=True)
            )
        ]

    def counts(self) -> SenderReport:
        return self._ended.report

    def findings(self, totals: list[EventTotals]) -> list[Finding]:
        """Findings for each channel: sender against its records, sink against sender, probes against sender."""
        found = []
        for number, report in enumerate(self._ended.report.channels):
            of_channel = self._of_channel(number, report, totals[number] if totals else None)
            found += labelled(self._label(number), of_channel)
        return found

    def describe(self, measured: Measured) -> RunMetadata:
        """The content of run.json, with the configuration, the path, and the sums over all channels."""
        benchmark, lab, left = self._prepared.benchmark, self._prepared.place.lab, self._ended
        effects = with_pauses(left.effects, benchmark.scenario, left.report)
        kernel, sender = measured.recording.kernel, summarize(left.report, is_datagram=self._is_datagram)
        warnings = warnings_of(self._config, benchmark.scenario, lab, effects, kernel, sender, left.disturbances)
        common = msgspec.structs.asdict(measured.recording)
        common |= {"sender": sender, "warnings": [*warnings, *measured.recording.warnings]}
        return RunMetadata(
            **common,
            config=self._config,
            scenario=msgspec.convert(benchmark.scenario.members(), RecordedScenario),
            lab=lab,
            calibration=self._prepared.calibration,
            effects=effects,
            channels=[summarize_channel(one, is_datagram=self._is_datagram) for one in left.report.channels],
        )

    @property
    def _ended(self) -> _Ended:
        assert self._left is not None, "run() comes first"
        return self._left

    @property
    def _is_datagram(self) -> bool:
        return self._config.protocol == "udp"

    def _label(self, number: int) -> str:
        return f"channel {number}" if self._config.channels > 1 else ""

    def _send(self, interruption: Interruption) -> SenderReport:
        """The sender's report, once it has ended."""
        prepared, config = self._prepared, self._config
        sender = prepared.children.sender
        with interruption.forwarded_to(partial(_end_early, sender, interruption)):
            sender.send_line()
            due_s = prepared.limit_s
            if prepared.benchmark.ends_idle and config.duration_s is not None:
                due_s = config.duration_s
            reading = nullcontext() if prepared.intervals is None else prepared.intervals.reading()
            # the probes are attached and the path is open: nothing needs more capabilities before they are removed
            with using_only(CAP_KILL), reading:
                report = sender.expect(
                    SenderReport,
                    prepared.limit_s + config.settle_s + _REPORT_TIMEOUT_S,
                    continued_after_s=due_s + _CONTINUED_S,
                    beside=prepared.children.sink,
                )
                # the sockets are destroyed when the process ends, and their last events belong to the run
                sender.wait()
        return report

    def _of_channel(self, number: int, report: ChannelReport, totals: EventTotals | None) -> list[Finding]:
        config, is_datagram = self._config, self._is_datagram
        spools = [
            spool_path(self._prepared.folder, name, number) if config.record else None
            for name in ("notifications", "sends")
        ]
        findings = reconcile_sender(report, *spools)
        findings += reconcile_sink(report, is_datagram=is_datagram, overwrites=config.traffic.reuse == "at-once")
        if totals is not None:
            charge_bytes = self._prepared.sender.charge_bytes
            findings += reconcile_probes(report, totals, charge_bytes, is_tcp=config.is_tcp)
        return findings


def _unpinned(affinity: tuple[int, ...] | None, report: SenderReport, sink: Child | None) -> list[int]:
    """CPUs named by -A on which threads did not stay: the kernel lets a thread run anywhere when its CPU goes
    offline."""
    if affinity is None:
        return []
    lost = affinity[:1] if any(channel.result["unpinned"] for channel in report.channels) else ()
    if sink is not None and sink.cpus not in (None, {affinity[1]}):
        lost += affinity[1:]
    return list(lost)


def _effects(place: OpenLab | OpenRemote) -> Effects | None:
    """The effects; None if somebody removed a namespace of the lab: the processes in it continued, but its counters are
    lost."""
    try:
        return place.read_effects()
    except FileNotFoundError:
        return None


def _end_early(sender: Child, interruption: Interruption) -> None:
    sender.signal(signal.SIGINT)
    sender.signal(signal.SIGCONT)  # it may be stopped
    interruption.tell("ending: what was measured is completed and kept; once more ends it at once")
