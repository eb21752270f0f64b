# SPDX-License-Identifier: GPL-2.0-only
"""Prepares a benchmark up to its first send: its processes wait, on a calibrated and impaired path."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from zcprobe.benchmark.defaults import Benchmark
from zcprobe.benchmark.intervals import Intervals, interval_reader
from zcprobe.benchmark.processes import START_TIMEOUT_S, Processes, assign_sender, start_sink
from zcprobe.benchmark.subject import BenchmarkSubject, Prepared
from zcprobe.config import RunConfig
from zcprobe.format.calibration import Calibration
from zcprobe.format.kernel import notifications_that_fit
from zcprobe.interrupt import Interruption
from zcprobe.lab.calibration import calibrated, deadline_s
from zcprobe.lab.open import OpenLab
from zcprobe.lab.remote import OpenRemote
from zcprobe.wire import SenderCalibrated, SenderReady

__all__ = ["prepared"]


@contextmanager
def prepared(
    benchmark: Benchmark,
    place: OpenLab | OpenRemote,
    children: Processes,
    folder: Path,
    interruption: Interruption,
    token: str | None = None,
    intervals: Intervals | None = None,
) -> Iterator[BenchmarkSubject]:
    """A benchmark that is connected and ready to run, and then tells its `intervals`. Its children have ended after the
    run, and in any case on leaving the context, because their lab is removed next."""
    config = benchmark.config
    with ExitStack() as running, interval_reader(intervals, config.channels, config.duration_s) as reader:
        for child in filter(None, (children.sink, children.sender)):
            running.enter_context(child)
        if not benchmark.is_calibrated:
            place.impair(benchmark.scenario)
        if children.sink is not None:
            start_sink(children.sink, benchmark, place.lab)
        counters_fd = None if reader is None else reader.counters_fd
        assign_sender(children.sender, benchmark, place.lab, folder, token, counters_fd)
        calibration = None
        with interruption.raised():
            if benchmark.is_calibrated:
                benchmark, calibration = _calibrate(benchmark, place, children)
            ready = children.sender.expect(SenderReady, START_TIMEOUT_S)
        yield BenchmarkSubject(
            Prepared(
                benchmark=benchmark,
                place=place,
                children=children,
                sender=ready,
                calibration=calibration,
                limit_s=_with_deadline(benchmark.config, calibration).limit_s,
                folder=folder,
                intervals=reader,
            ),
            running,
        )


def _with_deadline(config: RunConfig, calibration: Calibration | None) -> RunConfig:
    """The rate in force: the given one, or else the calibrated one."""
    if config.deadline_s is not None or calibration is None:
        return config
    return msgspec.structs.replace(config, deadline_s=calibration.deadline_s)


def _calibrate(benchmark: Benchmark, place: OpenLab | OpenRemote, children: Processes) -> tuple[Benchmark, Calibration]:
    """The benchmark with the values computed from the sender's report on the unimpaired path. Then impairs the path,
    and lets sink and sender continue."""
    found = children.sender.expect(SenderCalibrated, START_TIMEOUT_S)
    config, optmem_max_bytes = benchmark.config, place.lab.optmem_max_bytes
    measured = Calibration(
        goodput_bps=found.goodput_bps,
        duration_ns=found.duration_ns,
        sends=found.sends,
        channels=config.channels,
        charge_bytes=found.charge_bytes,
        optmem_max_bytes=optmem_max_bytes,
        notifications_max=notifications_that_fit(optmem_max_bytes, found.charge_bytes),
    )
    scenario, calibration = calibrated(benchmark.scenario, measured)
    benchmark = Benchmark(config, scenario).with_default_count()
    place.impair(scenario)
    if children.sink is not None:
        children.sink.send_line(msgspec.json.encode(scenario.reading))
    if config.deadline_s is None:
        limit_s = deadline_s(benchmark.config, scenario, found.goodput_bps)
        calibration = msgspec.structs.replace(calibration, deadline_s=limit_s)
    children.sender.send_line(msgspec.json.encode(_with_deadline(benchmark.config, calibration)))
    return benchmark, calibration
