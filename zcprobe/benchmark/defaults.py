# SPDX-License-Identifier: GPL-2.0-only
"""From a configuration to the benchmark that it asks for: options that are left open take the scenario's values."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import msgspec

from zcprobe.config import DEFAULT_DATAGRAM_BYTES, RunConfig
from zcprobe.host.limits import memlock_applies
from zcprobe.lab.limits import roomy_optmem_bytes
from zcprobe.lab.remote import REMOTE
from zcprobe.lab.scenarios import Scenario, find_scenario, with_hold
from zcprobe.recorder.record_limit import RecordLimit
from zcprobe.rules import refuse_without_effect
from zcprobe.wire import Reading

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["Benchmark", "benchmark_of", "open_probes"]


class Benchmark(msgspec.Struct, frozen=True):
    """One run that can be made: `config` leaves open only what calibration decides, and `scenario` includes what the
    configuration changes. Made by `benchmark_of`."""

    config: RunConfig
    scenario: Scenario

    @property
    def is_calibrated(self) -> bool:
        """Whether the unimpaired path is measured before the run."""
        return self.config.to is None and self.scenario.is_calibrated

    @property
    def is_bound_by_memlock(self) -> bool:
        """Whether its sender is subject to RLIMIT_MEMLOCK."""
        return self.scenario.memlock_bytes is not None or memlock_applies()

    @property
    def ends_idle(self) -> bool:
        """Whether its sender, on a stuck path, waits only until its own time is over, and not until the deadline."""
        return self.config.duration_s is not None and self.config.deadline_s is None

    @property
    def limit(self) -> RecordLimit:
        """The records of each: the probes' events get half of the limit if both they and the sender make records."""
        whole_bytes = self.config.record_limit_bytes
        streams_events = self.config.probe_level in ("timeline", "full")
        return RecordLimit(whole_bytes, whole_bytes // (2 if self.config.record else 1) if streams_events else 0)

    def with_default_count(self) -> "Benchmark":
        """Sets the scenario's number of sends if neither a count nor a time was given."""
        config, scenario = self.config, self.scenario
        if config.send_count is not None or config.duration_s is not None:
            return self
        count = _default_send_count(config, scenario, config.send_bytes or scenario.send_bytes)
        return msgspec.structs.replace(self, config=msgspec.structs.replace(config, send_count=count))


def benchmark_of(config: RunConfig) -> Benchmark:
    """The validated and complete benchmark. UsageError, also for options that would have no effect."""
    config.validate()
    refuse_without_effect(config)
    scenario = _scenario_of(config)
    sockets = config.socket
    if sockets.sndbuf_bytes is None:
        sockets = msgspec.structs.replace(sockets, sndbuf_bytes=scenario.sndbuf_bytes)
    complete = msgspec.structs.replace(
        config,
        scenario=scenario.name,
        send_bytes=config.send_bytes or _default_send_bytes(config, scenario),
        socket=sockets,
        optmem_max_bytes=config.optmem_max_bytes or scenario.optmem_max_bytes,
    )
    benchmark = Benchmark(_with_room(complete, scenario), scenario)
    if not benchmark.is_calibrated:
        benchmark = benchmark.with_default_count()
    benchmark.config.validate()
    return benchmark


def open_probes(benchmark: Benchmark, *, wait: bool = True) -> "AbstractContextManager[ProbeSession | None]":
    """The probes that it needs, which may still be loading unless `wait`; None at level off."""
    config = benchmark.config
    if config.probe_level == "off":
        return nullcontext(None)
    from zcprobe.probes.session import ProbeSession

    return ProbeSession(config.mechanism, config.probe_level, memlock=benchmark.is_bound_by_memlock, wait=wait)


def _scenario_of(config: RunConfig) -> Scenario:
    """A run with a sink on another host has no scenario; the control's defaults replace traffic options that were left
    open."""
    if config.to is None:
        return with_hold(find_scenario(config.scenario), config.hold_one_in_count, config.hold_rate_bps)
    control = find_scenario("in-order")
    return msgspec.structs.replace(control, name=REMOTE, description="a path that is not ours", optmem_max_bytes=None)


def _with_room(config: RunConfig, scenario: Scenario) -> RunConfig:
    """Gives a control so much optmem that nothing is refused, unless a limit was given."""
    if not scenario.is_control or config.to is not None or config.optmem_max_bytes is not None:
        return config
    smallest = min(size for size, _ in config.sizes)
    room = roomy_optmem_bytes(smallest, config.socket.sndbuf_bytes)
    return msgspec.structs.replace(config, optmem_max_bytes=room)


def _default_send_bytes(config: RunConfig, scenario: Scenario) -> int:
    return DEFAULT_DATAGRAM_BYTES if config.protocol == "udp" else scenario.send_bytes


def _default_send_count(config: RunConfig, scenario: Scenario, send_bytes: int) -> int:
    """Scales the number of datagrams: a reader stalls or falls behind after a number of bytes, and datagrams are
    smaller."""
    if config.protocol == "udp" and scenario.reading != Reading():
        return scenario.send_count * scenario.send_bytes // send_bytes
    return scenario.send_count
