"""What a run's configuration leaves open: the scenario's own values, and the probes that it needs."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import msgspec

from zcprobe.config import DEFAULT_DATAGRAM_BYTES, RunConfig
from zcprobe.host.limits import read_limits
from zcprobe.lab.limits import roomy_optmem_bytes
from zcprobe.lab.remote import REMOTE
from zcprobe.lab.scenarios import Scenario, find_scenario, with_hold
from zcprobe.rules import refuse_without_effect
from zcprobe.wire import Reading

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["calibrates", "default_send_count", "open_probes", "scenario_of", "with_scenario_defaults"]


def scenario_of(config: RunConfig) -> Scenario:
    """Towards a sink elsewhere there is none: the defaults of the control stand in for traffic that was left open."""
    if config.to is None:
        return with_hold(find_scenario(config.scenario), config.hold_one_in_count, config.hold_rate_bps)
    control = find_scenario("in-order")
    return msgspec.structs.replace(control, name=REMOTE, description="a path that is not ours", optmem_max_bytes=None)


def with_scenario_defaults(config: RunConfig) -> RunConfig:
    """Validated, with the scenario's values for what was left open. UsageError, also for what would have no effect."""
    config.validate()
    refuse_without_effect(config)
    scenario = scenario_of(config)
    send_bytes = config.send_bytes or _default_send_bytes(config, scenario)
    count = config.send_count
    if count is None and config.duration_s is None and not calibrates(config, scenario):
        count = default_send_count(config, scenario, send_bytes)
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


def default_send_count(config: RunConfig, scenario: Scenario, send_bytes: int) -> int:
    """A reader stalls, or falls behind, after so many bytes: of datagrams, which are smaller, that takes more."""
    if config.protocol == "udp" and scenario.reading != Reading():
        return scenario.send_count * scenario.send_bytes // send_bytes
    return scenario.send_count


def open_probes(config: RunConfig, *, wait: bool = True) -> "AbstractContextManager[ProbeSession | None]":
    """The probes that runs of this configuration need, loaded, or still loading unless `wait`; None at level off."""
    if config.probe_level == "off":
        return nullcontext(None)
    from zcprobe.probes.session import ProbeSession

    memlock = scenario_of(config).memlock_bytes is not None or read_limits().memlock_applies
    return ProbeSession(config.mechanism, config.probe_level, memlock=memlock, wait=wait)


def calibrates(config: RunConfig, scenario: Scenario) -> bool:
    return config.to is None and scenario.is_calibrated
