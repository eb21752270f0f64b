# SPDX-License-Identifier: GPL-2.0-only
"""Opens the lab that a run of a scenario needs, in two steps, because calibration comes between them.

The first step makes the namespaces, their link and the limits, and leaves the path unimpaired. The second impairs it,
with rates that are known by then.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec

from zcprobe.config import DEFAULT_PORT, Family, Protocol
from zcprobe.errors import HostError
from zcprobe.format.effects import Effects
from zcprobe.format.lab import Lab
from zcprobe.journal import Journal, journal
from zcprobe.lab.device import has_scatter_gather, read_mtu
from zcprobe.lab.effects import read_effects
from zcprobe.lab.impairments.path import ImpairedPath
from zcprobe.lab.limits import changed_optmem_max
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import Namespace, namespace_pair
from zcprobe.lab.scenarios import Scenario

__all__ = ["OpenLab", "describe_impairment", "open_lab", "open_path"]


def describe_impairment(scenario: Scenario) -> dict[str, int | str | None]:
    """The impairments as one flat table: parameters with the prefixes `hold_`, `delay_` and `reorder_`, and the memlock
    limit, as far as they exist."""
    described: dict[str, int | str | None] = {"memlock_bytes": scenario.memlock_bytes}
    for impairment in scenario.impairments:
        parameters = msgspec.to_builtins(impairment)
        parameters |= parameters.pop("bucket", {})
        described |= {f"{impairment.prefix}_{name}": value for name, value in parameters.items()}
    return described


def _read_congestion_control() -> str:
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as file:
        return file.read().strip()


def _require_family(sender: Namespace, family: Family) -> None:
    if family == "ipv6" and not run_in_namespace(sender.name, lambda: os.path.isdir("/proc/sys/net/ipv6")):
        raise HostError("this host has no IPv6", "leave out -6, or boot without ipv6.disable=1")


class OpenLab:
    """An open lab. `lab` describes it; `impair()` changes the path and the description."""

    def __init__(self, lab: Lab, path: ImpairedPath, undo: ExitStack) -> None:
        self.lab = lab
        self._path = path
        self._undo = undo
        self._scenario: Scenario | None = None

    def impair(self, scenario: Scenario) -> None:
        """Impairs the path. Call it once, before the run's traffic. HostError if the kernel lacks a requirement."""
        self._scenario = scenario
        for impairment in scenario.impairments:
            self._undo.enter_context(impairment.put_on(self._path))
        congestion_control = run_in_namespace(self._path.pair.sender.name, _read_congestion_control)
        described = describe_impairment(scenario) | {"congestion_control": congestion_control}
        self.lab = msgspec.structs.replace(self.lab, impairment=described)

    def read_effects(self) -> Effects:
        """What the impairments have done so far, by the kernel's own counters. FileNotFoundError if a namespace of the
        lab is gone."""
        return Effects() if self._scenario is None else read_effects(self._path, self._scenario)


@contextmanager
def open_path(
    scenario: str,
    *,
    run_id: str,
    family: Family,
    protocol: Protocol = "tcp",
    optmem_max_bytes: int | None = None,
    run_journal: Journal | None = None,
    link: tuple[str, str] | None = None,
) -> Iterator[OpenLab]:
    """Opens the namespaces, their link and the limit on optmem for a run of the scenario of that name. Leaving the
    context undoes them, and whatever impairs the path by then.

    `optmem_max_bytes` None leaves the kernel's own limit; `link` names two devices of this host that replace the veth
    pair. Changes are noted in `run_journal`, or in a new journal. HostError without root or if the kernel lacks a
    mechanism. The sender itself sets the memlock limit.
    """
    if os.geteuid() != 0:
        raise HostError("a lab of network namespaces needs root", "run with sudo")
    with ExitStack() as stack:
        record = stack.enter_context(journal(run_id)) if run_journal is None else run_journal
        pair = stack.enter_context(namespace_pair(record, link))
        _require_family(pair.sender, family)
        optmem_in_force = stack.enter_context(changed_optmem_max(pair.sender.name, optmem_max_bytes, record))
        device = pair.sender.device
        scatter_gather, mtu_bytes = run_in_namespace(
            pair.sender.name, lambda: (has_scatter_gather(device), read_mtu(device))
        )
        lab = Lab(
            scenario=scenario,
            sender_netns_path=pair.sender.path,
            sink_netns_path=pair.sink.path,
            sender_netns_inode=pair.sender.inode,
            sender_address=getattr(pair.sender, family),
            sink_address=getattr(pair.sink, family),
            sink_port=DEFAULT_PORT,
            optmem_max_bytes=optmem_in_force,
            impairment={},
            sender_device=device,
            scatter_gather=scatter_gather,
            mtu_bytes=mtu_bytes,
        )
        yield OpenLab(lab, ImpairedPath(pair=pair, family=family, protocol=protocol), stack)


@contextmanager
def open_lab(
    scenario: Scenario,
    *,
    run_id: str,
    family: Family,
    protocol: Protocol = "tcp",
    optmem_max_bytes: int | None = None,
    run_journal: Journal | None = None,
    link: tuple[str, str] | None = None,
) -> Iterator[Lab]:
    """Both steps at once, for callers that do not calibrate; the rates are those in `scenario`.

    `optmem_max_bytes` replaces the scenario's own. Everything else is as in `open_path`.
    """
    wanted_optmem = scenario.optmem_max_bytes if optmem_max_bytes is None else optmem_max_bytes
    with open_path(
        scenario.name,
        run_id=run_id,
        family=family,
        protocol=protocol,
        optmem_max_bytes=wanted_optmem,
        run_journal=run_journal,
        link=link,
    ) as opened:
        opened.impair(scenario)
        yield opened.lab
