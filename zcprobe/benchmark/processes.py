# SPDX-License-Identifier: GPL-2.0-only
"""Starts the child processes of a benchmark, sink and sender, and gives them their tasks."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from zcprobe.benchmark.defaults import Benchmark
from zcprobe.child import Child
from zcprobe.format.lab import Lab
from zcprobe.format.tables import SENDER_TABLES
from zcprobe.lab.calibration import CALIBRATION_S
from zcprobe.policies import find_policy
from zcprobe.recorder.spools import spool_path
from zcprobe.wire import SenderTask, SinkReady, SinkTask

__all__ = ["START_TIMEOUT_S", "Processes", "assign_sender", "processes", "start_sink"]

START_TIMEOUT_S = 20.0
"""Time for a process to report that it is ready."""

_IDLE_S, _REMOTE_IDLE_S = 3.0, 10.0
"""A path on which nothing moves for this long, beyond a stall that the scenario makes, is down, or its peer has
stopped. For a path of others, whose stalls are unknown, the time is longer."""


class Processes(msgspec.Struct, frozen=True):
    """The processes of one run. `sink` is None if the sink is on another host."""

    sink: Child | None
    sender: Child


@contextmanager
def processes(benchmark: Benchmark) -> Iterator[Processes]:
    """Starts the processes without a task; on leaving the context they have ended."""
    with ExitStack() as stack:
        sink = None if benchmark.config.to is not None else stack.enter_context(Child("zcprobe.sink.process"))
        yield Processes(sink, stack.enter_context(Child("zcprobe.sender.process", takes_files=True)))


def start_sink(sink: Child, benchmark: Benchmark, lab: Lab) -> None:
    """Gives the sink its task in its namespace, and waits until it listens, so that the sender may connect."""
    config = benchmark.config
    task = SinkTask(
        address=lab.sink_address,
        port=lab.sink_port,
        connections=config.channels,
        calibrations=config.channels if benchmark.is_calibrated else 0,
        reading=benchmark.scenario.reading,
        netns_path=lab.sink_netns_path,
        cpu=config.affinity[1] if config.affinity else None,
    )
    sink.assign(task)
    sink.expect(SinkReady, START_TIMEOUT_S)


def assign_sender(
    sender: Child, benchmark: Benchmark, lab: Lab, folder: Path, token: str | None, counters_fd: int | None
) -> None:
    """Gives the sender its task, memory for its counters if somebody else reads them, and, if it records, the files for
    its records."""
    task = _sender_task(benchmark, lab, sender.files_fd)
    sender.assign(msgspec.structs.replace(task, token=token, counters_shared=counters_fd is not None))
    if counters_fd is not None:
        sender.hand_files([counters_fd], START_TIMEOUT_S)
    if benchmark.config.record:
        _hand_spools(sender, benchmark.config.channels, folder)


def _sender_task(benchmark: Benchmark, lab: Lab, files_fd: int | None) -> SenderTask:
    config, scenario, limit = benchmark.config, benchmark.scenario, benchmark.limit
    return SenderTask(
        address=lab.sink_address,
        port=lab.sink_port,
        config=config,
        flush_variant=config.flush_variant or find_policy(config.policy).flush_variant,
        optmem_max_bytes=lab.optmem_max_bytes,
        netns_path=lab.sender_netns_path,
        memlock_bytes=scenario.memlock_bytes,
        calibration_s=CALIBRATION_S if benchmark.is_calibrated else None,
        record_limit_bytes=(limit.whole_bytes - limit.events_bytes) // config.channels,
        files_fd=files_fd,
        idle_s=_IDLE_S + scenario.reading.stall_s if config.to is None else _REMOTE_IDLE_S,
        ends_idle=benchmark.ends_idle,
    )


def _hand_spools(sender: Child, channels: int, folder: Path) -> None:
    """Opens the files here, where the folder can be reached. The sender may write to them and to nothing else in it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    for number in range(channels):
        with ExitStack() as stack:
            spools = []
            for table in SENDER_TABLES:
                spools.append(os.open(spool_path(folder, table.name, number), flags, 0o600))
                stack.callback(os.close, spools[-1])
            sender.hand_files(spools, START_TIMEOUT_S)
