# SPDX-License-Identifier: GPL-2.0-only
"""What a reader must know before trusting a run: the path was not impaired, or a control was not a control."""

import msgspec

from zcprobe.config import RunConfig
from zcprobe.format.effects import Effects
from zcprobe.format.findings import RunWarning
from zcprobe.format.kernel import notifications_that_fit
from zcprobe.format.lab import Lab
from zcprobe.format.summary import KernelSummary, SenderSummary
from zcprobe.lab.impairments.delay import DelayImpairment
from zcprobe.lab.impairments.hold import HoldImpairment
from zcprobe.lab.impairments.reorder import ReorderImpairment
from zcprobe.lab.scenarios import Scenario
from zcprobe.units import format_rate_bps
from zcprobe.wire import SenderReport

__all__ = ["Disturbances", "warnings_of", "with_pauses"]

_DATAGRAM_HEADER_BYTES = {"ipv4": 20 + 8, "ipv6": 40 + 8}
"""Bytes of the IP and UDP headers."""


class Disturbances(msgspec.Struct, frozen=True, kw_only=True):
    """Disturbances of a run from outside. `sender_stopped_s`, `sink_stopped_s`: about how long somebody kept the
    process stopped (SIGSTOP). `unpinned_cpus`: CPUs named by -A on which threads did not stay until the end.
    `lab_gone`: somebody removed a network namespace of the run, and with it the counters of the impairment."""

    sender_stopped_s: float = 0.0
    sink_stopped_s: float = 0.0
    unpinned_cpus: list[int] = []
    lab_gone: bool = False


_UNDISTURBED = Disturbances()


def with_pauses(effects: Effects, scenario: Scenario, report: SenderReport) -> Effects:
    """The effects, with the time for which the sinks of a slow or stalled reader report that they did not read; None if
    a sink did not report."""
    sinks = [channel.sink for channel in report.channels]
    paced = scenario.reading.read_bps or scenario.reading.stall_s
    if not paced or None in sinks:
        return effects
    return msgspec.structs.replace(effects, reader_pause_ns=sum(sink.pause_ns for sink in sinks if sink is not None))


def _held_back(scenario: Scenario, effects: Effects) -> list[RunWarning]:
    hold = scenario.find(HoldImpairment)
    if hold is None or effects.hold_waits:
        return []
    if not effects.held_packets:
        return [RunWarning("nothing-held-back", "nothing was held back: none of the packets had a clone in the queue")]
    rate = format_rate_bps(hold.bucket.rate_bps)
    text = (
        f"nothing was held back: clones of {effects.held_packets} packets of the wire came to the queue and none had to"
        f" wait, because it lets go of {rate}"
    )
    return [RunWarning("nothing-held-back", text)]


def _overflowed(effects: Effects) -> list[RunWarning]:
    if not effects.hold_dropped_packets:
        return []
    text = f"the queue of held clones was full: {effects.hold_dropped_packets} of them were let go at once"
    return [RunWarning("hold-overflowed", text)]


def _delayed(scenario: Scenario, effects: Effects, kernel: KernelSummary, sender: SenderSummary) -> list[RunWarning]:
    """Whether nothing was delayed. A sender that died before the first acknowledgement could be late still met the
    purpose of the scenario: a limit full of sends in flight."""
    died_in_flight = sender.outcome == "dead_enobufs" and (kernel.enobufs_unread_share or 0) < 0.5
    if scenario.find(DelayImpairment) is None or effects.delay_waits or died_in_flight:
        return []
    text = f"nothing was late: none of {effects.delayed_packets or 0} acknowledgements had to wait"
    return [RunWarning("nothing-delayed", text)]


def _reordered(scenario: Scenario, effects: Effects) -> list[RunWarning]:
    if scenario.find(ReorderImpairment) is None or effects.reordered_packets:
        return []
    return [RunWarning("nothing-reordered", "nothing was reordered: every packet arrived after those sent before it")]


def _slowed(scenario: Scenario, effects: Effects) -> list[RunWarning]:
    if effects.reader_pause_ns != 0:
        return []
    return [
        RunWarning("reader-not-slowed", "the sink was never held up: it had to pause neither for a pace nor a stall")
    ]


def _unheld(config: RunConfig, scenario: Scenario) -> list[RunWarning]:
    if config.protocol != "udp" or not (scenario.reading.read_bps or scenario.reading.stall_s):
        return []
    text = (
        "datagrams complete once they are in the sink's buffer, or are lost where it has no room: a sink that reads"
        " slowly or not at all holds back none of their completions"
    )
    return [RunWarning("datagrams-not-held", text)]


def _limited(scenario: Scenario, kernel: KernelSummary, sender: SenderSummary) -> list[RunWarning]:
    refused = sender.enobufs_count
    if kernel.enobufs_causes is not None:
        refused = sum(count for cause, count in kernel.enobufs_causes.items() if cause.startswith("memlock"))
    if scenario.memlock_bytes is None or refused:
        return []
    text = f"the memlock limit of {scenario.memlock_bytes} bytes refused nothing: too little was in flight at a time"
    return [RunWarning("memlock-not-reached", text)]


def _fragmented(config: RunConfig, lab: Lab) -> list[RunWarning]:
    if config.protocol != "udp" or lab.mtu_bytes is None:
        return []
    largest = max(size for size, _ in config.sizes)
    room = lab.mtu_bytes - _DATAGRAM_HEADER_BYTES[config.family]
    if largest <= room:
        return []
    text = (
        f"datagrams of {largest} bytes exceed the {room} bytes that the link's MTU leaves them, so they go in"
        " fragments, which the kernel may free last in, first out: completions come out of order and cannot merge"
        " although nothing is held back"
    )
    return [RunWarning("fragmented-datagrams", text)]


def _control(scenario: Scenario, kernel: KernelSummary, sender: SenderSummary) -> list[RunWarning]:
    if not scenario.is_control or not sender.enobufs_count:
        return []
    text = f"this run is not a control: {sender.enobufs_count} send calls returned ENOBUFS; {_filled_by(kernel)}"
    return [RunWarning("not-a-control", text)]


def _filled_by(kernel: KernelSummary) -> str:
    room = notifications_that_fit(kernel.optmem_max_bytes - kernel.optmem_baseline_bytes, kernel.charge_bytes)
    fits = f"optmem_max has room for {room} notifications"
    if kernel.enobufs_unread_share is None:
        return fits
    if kernel.enobufs_unread_share > 0.5:
        return f"{fits}, and unread ones that came out of order filled it"
    return f"{fits}, and more sends were in flight at once"


def _silent(sender: SenderSummary) -> list[RunWarning]:
    if sender.sink_bytes is not None:
        return []
    text = (
        "the sink did not report what it received: there is no goodput, and nobody looked whether the data was as sent"
    )
    return [RunWarning("sink-silent", text)]


def _disturbed(found: Disturbances) -> list[RunWarning]:
    warnings = []
    for name, stopped_s in (("sender", found.sender_stopped_s), ("sink", found.sink_stopped_s)):
        if stopped_s:
            text = f"somebody had stopped the {name} process for about {stopped_s:.1f} s, which rates and waits include"
            warnings.append(RunWarning(f"{name}-stopped", text))
    if found.unpinned_cpus:
        cpus = " and ".join(map(str, found.unpinned_cpus))
        text = (
            f"pinned to CPU {cpus} at first, and not until the end: the CPU went offline, or somebody moved the threads"
        )
        warnings.append(RunWarning("not-pinned", text))
    if found.lab_gone:
        text = "somebody removed a network namespace of the run: what the impairment did to the path is not known"
        warnings.append(RunWarning("lab-gone", text))
    return warnings


def warnings_of(
    config: RunConfig,
    scenario: Scenario,
    lab: Lab,
    effects: Effects,
    kernel: KernelSummary,
    sender: SenderSummary,
    disturbances: Disturbances = _UNDISTURBED,
) -> list[RunWarning]:
    """The warnings of a run; empty if it was as its scenario says. With a sink on another host nothing is known about
    the path."""
    if config.to is not None:
        return [*_silent(sender), *_disturbed(disturbances)]
    impaired = [
        *_held_back(scenario, effects),
        *_overflowed(effects),
        *_delayed(scenario, effects, kernel, sender),
        *_reordered(scenario, effects),
    ]
    return [
        *_disturbed(disturbances),
        *_silent(sender),
        *([] if disturbances.lab_gone else impaired),
        *_slowed(scenario, effects),
        *_unheld(config, scenario),
        *_limited(scenario, kernel, sender),
        *_fragmented(config, lab),
        *_control(scenario, kernel, sender),
    ]
