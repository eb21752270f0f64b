# SPDX-License-Identifier: GPL-2.0-only
"""Which options go together: the one table of options that have no effect beside others.

An option that cannot take effect is refused, never silently accepted. `RunConfig.validate()` checks the range of single
values.
"""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from zcprobe.config import DEFAULT_DATAGRAM_BYTES, RunConfig
from zcprobe.errors import UsageError
from zcprobe.lab.impairments.delay import DelayImpairment
from zcprobe.lab.impairments.hold import HoldImpairment
from zcprobe.lab.impairments.reorder import ReorderImpairment
from zcprobe.lab.remote import parse_target
from zcprobe.lab.scenarios import Scenario, find_scenario
from zcprobe.policies import PolicyParameters, find_policy

__all__ = ["RULES", "Asked", "Rule", "family_of_target", "options_of", "refuse_without_effect"]


class Asked(msgspec.Struct, frozen=True):
    """What a run was asked for. `options`: long option -> its value. `scenario` is the scenario of the run; a run with
    a sink on another host has none, so the control's defaults take its place."""

    config: RunConfig
    scenario: Scenario
    options: Mapping[str, object]

    @property
    def is_remote(self) -> bool:
        return self.config.to is not None

    @property
    def model(self) -> str:
        return self.config.traffic.model

    @property
    def smallest_payload_bytes(self) -> int:
        default = DEFAULT_DATAGRAM_BYTES if self.config.protocol == "udp" else self.scenario.send_bytes
        return min(size or default for size, _ in self.config.sizes)


class Rule(msgspec.Struct, frozen=True):
    """Each of `options` is refused where `when` holds. `because` continues the sentence that begins with the option's
    name; `instead` says what to do."""

    options: tuple[str, ...]
    when: Callable[[Asked], bool]
    because: str
    instead: str


def family_of_target(to: str) -> str | None:
    """ipv4, ipv6 or vsock for an address; None for a name, which may have several. UsageError for an invalid target."""
    address, _ = parse_target(to)
    if address.startswith("vsock:"):
        return "vsock"
    try:
        return f"ipv{ipaddress.ip_address(address.partition('%')[0]).version}"
    except ValueError:
        return None


def _contradicts_target(asked: Asked) -> bool:
    target = family_of_target(asked.config.to) if asked.config.to is not None else None
    return target is not None and target != asked.config.family


def _is_vsock_without_target(asked: Asked) -> bool:
    return asked.config.family == "vsock" and (asked.config.to is None or family_of_target(asked.config.to) != "vsock")


def _names_loopback(asked: Asked) -> bool:
    return "lo" in (asked.config.link or ())


RULES = (
    # ---- a sink on another host: we control neither the path nor the other side ----
    Rule(
        ("--scenario",),
        lambda asked: asked.is_remote,
        "impairs a path that the run makes, and with --to the run makes none",
        "leave out --scenario, or --to",
    ),
    Rule(
        ("--optmem-max",),
        lambda asked: asked.is_remote,
        "sets the limit of a network namespace that the run makes, and with --to it makes none",
        "set the limit of this host: sysctl net.core.optmem_max",
    ),
    Rule(
        ("--hold-share", "--hold-rate"),
        lambda asked: asked.is_remote,
        "holds clones back on a path that the run makes, and with --to the run makes none",
        "leave it out, or --to",
    ),
    Rule(
        ("--optmem-max",),
        lambda asked: not asked.config.zerocopy,
        "limits notifications, and with --no-zerocopy there are none",
        "leave it out, or --no-zerocopy",
    ),
    Rule(
        ("--reuse",),
        lambda asked: not asked.config.zerocopy and asked.config.traffic.reuse == "after-completion",
        "after-completion waits for completions, and with --no-zerocopy there are none",
        "leave it out, or --no-zerocopy",
    ),
    Rule(
        ("--scenario",),
        lambda asked: not asked.config.zerocopy and asked.config.scenario == "memlock",
        "memlock limits the pages that zerocopy sends pin, and with --no-zerocopy there are none",
        "choose another scenario, or leave out --no-zerocopy",
    ),
    Rule(
        ("--nics",),
        lambda asked: asked.is_remote,
        "names the cards of sender and sink on this host, and with --to the sink is on another",
        "leave out --nics, or --to",
    ),
    Rule(
        ("--affinity",),
        lambda asked: asked.is_remote and len(asked.config.affinity or ()) != 1,
        "names a CPU for the sink too, and with --to the sink is on another host",
        "name only the senders' CPU, as in -A 0; pin the sink on its host: taskset -c 1 zcprobe sink",
    ),
    Rule(
        ("--affinity",),
        lambda asked: not asked.is_remote and len(asked.config.affinity or ()) != 2,
        "must name the senders' CPU and the sink's",
        "give both, for example -A 0,1; give one only with --to",
    ),
    Rule(
        ("--token", "--token-file"),
        lambda asked: not asked.is_remote,
        "is for a sink on another host, and without --to there is none",
        "name the sink with --to, or leave the token out",
    ),
    # ---- records ----
    Rule(
        ("--record-limit",),
        lambda asked: not asked.config.record and asked.config.probe_level in ("off", "summary"),
        "limits records, and there are none with --no-record and without the probes' events",
        "leave it out, or --no-record",
    ),
    # ---- address families ----
    Rule(
        ("--vsock",),
        _is_vsock_without_target,
        "needs a sink in another machine's context, or behind vsock_loopback",
        "name the sink: --vsock --to vsock:CID",
    ),
    Rule(
        ("--to", "--ipv6", "--vsock"),
        _contradicts_target,
        "contradicts the address family that was asked for",
        "give -6 with an IPv6 address, --vsock with vsock:CID, and neither with an IPv4 address",
    ),
    Rule(
        ("--nics",),
        _names_loopback,
        "moves the devices into namespaces of the run, and lo cannot be moved",
        "leave out --nics to use a veth pair",
    ),
    # ---- protocols ----
    Rule(
        ("--udp",),
        lambda asked: asked.config.family == "vsock",
        "is not for vsock, whose datagrams have no MSG_ZEROCOPY",
        "leave out --udp, or --vsock",
    ),
    Rule(
        ("--udp",),
        lambda asked: asked.model in ("migration", "rpc"),
        "is not for migration and rpc traffic, which need a stream",
        "leave out --udp, or choose --traffic stream or mixed",
    ),
    Rule(
        ("--udp",),
        lambda asked: asked.scenario.find(DelayImpairment) is not None,
        "cannot be used in a scenario that delays acknowledgements, because datagrams have none",
        "choose --scenario held-in-flight, which holds datagrams in flight, or leave out --udp",
    ),
    Rule(
        ("--udp",),
        lambda asked: asked.scenario.find(ReorderImpairment) is not None,
        "cannot be used in reordered-link, where only acknowledgements put completions in order",
        "choose --scenario held-completions, or leave out --udp",
    ),
    Rule(
        ("--nagle", "--cork"),
        lambda asked: not asked.config.is_tcp,
        "is an option of TCP, and this run does not use TCP",
        "leave it out, or --udp and --vsock",
    ),
    Rule(
        ("--window",),
        lambda asked: asked.config.family == "vsock",
        "is a socket option that vsock ignores: it uses the receiver's buffer",
        "leave out -w",
    ),
    # ---- scenarios ----
    Rule(
        ("--hold-share", "--hold-rate"),
        lambda asked: asked.scenario.find(HoldImpairment) is None,
        "is for a scenario that holds clones back, and this one does not",
        "choose --scenario held-completions or held-in-flight, or leave it out",
    ),
    # ---- traffic ----
    Rule(
        ("--length", "--count", "--time", "--copy-below"),
        lambda asked: asked.model == "migration",
        "has no effect on a migration, which sends its guest in packets of pages until the rest fits the downtime",
        "use --guest, --dirty-rate, --downtime and --max-rounds instead",
    ),
    Rule(
        ("--guest", "--dirty-rate", "--downtime", "--max-rounds", "--zero-pages"),
        lambda asked: asked.model != "migration",
        "describes a migration, and this traffic is not a migration",
        "add --traffic migration, or leave it out",
    ),
    Rule(
        ("--header",),
        lambda asked: asked.model not in ("migration", "rpc"),
        "is for migration and rpc traffic: only their headers have a size to choose",
        "add --traffic rpc or migration, or leave out --header",
    ),
    Rule(
        ("--count",),
        lambda asked: asked.config.duration_s is not None,
        "and -t both say when a run ends",
        "give one of them",
    ),
    Rule(
        ("--copy-below",),
        lambda asked: asked.config.traffic.copy_below_bytes <= asked.smallest_payload_bytes,
        "copies smaller payloads, and no payload is smaller",
        "choose a size above the smallest of -l",
    ),
    Rule(
        ("--traffic",),
        lambda asked: asked.model == "mixed" and len(asked.config.sizes) == 1,
        "mixed needs several sizes, and there is one",
        "give several with weights: -l 1K:8,64K:2",
    ),
    # ---- plain copying sends ----
    Rule(
        ("--policy", "--policies", "--set"),
        lambda asked: not asked.config.zerocopy,
        "says what to do about ENOBUFS, and with --no-zerocopy no send asks a policy",
        "leave it out, or --no-zerocopy",
    ),
    Rule(
        ("--flush-result", "--wait-for", "--settle", "--copy-below"),
        lambda asked: not asked.config.zerocopy,
        "applies to zerocopy sends and their completions, and with --no-zerocopy there are none",
        "leave it out, or --no-zerocopy",
    ),
    # ---- probes ----
    Rule(
        ("--probes",),
        lambda asked: asked.options.get("--probe-level", "off") != "off",
        "none and --probe-level contradict each other",
        "give one of them",
    ),
    Rule(
        ("--mechanism",),
        lambda asked: asked.config.probe_level == "off",
        "says how probes attach, and there are none",
        "leave out --mechanism, or choose a --probe-level",
    ),
    Rule(
        ("--overhead",),
        lambda asked: asked.config.probe_level == "off" and asked.options["--overhead"] != 0,
        "measures what the probes cost, and there are none",
        "leave out --overhead, or choose a --probe-level",
    ),
)

_FIELDS = {
    "--scenario": "scenario",
    "--policy": "policy",
    "--to": "to",
    "--channels": "channels",
    "--traffic": "traffic.model",
    "--copy-below": "traffic.copy_below_bytes",
    "--header": "traffic.header_bytes",
    "--guest": "traffic.guest_bytes",
    "--dirty-rate": "traffic.dirty_bytes_per_s",
    "--downtime": "traffic.downtime_ms",
    "--max-rounds": "traffic.max_rounds",
    "--zero-pages": "traffic.zero_percent",
    "--reuse": "traffic.reuse",
    "--length": "send_bytes",
    "--count": "send_count",
    "--time": "duration_s",
    "--optmem-max": "optmem_max_bytes",
    "--hold-share": "hold_one_in_count",
    "--hold-rate": "hold_rate_bps",
    "--flush-result": "flush_variant",
    "--wait-for": "wait_for",
    "--nagle": "socket.nodelay",
    "--cork": "socket.cork",
    "--window": "socket.sndbuf_bytes",
    "--bitrate": "socket.pacing_bps",
    "--buffers": "buffers",
    "--deadline": "deadline_s",
    "--settle": "settle_s",
    "--no-zerocopy": "zerocopy",
    "--no-record": "record",
    "--record-limit": "record_limit_bytes",
    "--probe-level": "probe_level",
    "--mechanism": "mechanism",
    "--affinity": "affinity",
    "--nics": "link",
}


def _value(config: RunConfig, path: str) -> object:
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name)
    return value


def options_of(config: RunConfig) -> dict[str, object]:
    """Long option -> value, for each that differs from the default: what a caller without a command line asked for."""
    default = RunConfig()
    found = {option: _value(config, path) for option, path in _FIELDS.items()}
    asked = {option: value for option, value in found.items() if value != _value(default, _FIELDS[option])}
    if config.traffic.sizes is not None:
        asked["--length"] = config.traffic.sizes
    if config.parameters not in (PolicyParameters(), find_policy(config.policy).defaults):
        asked["--set"] = config.parameters
    asked |= {"--udp": True} if config.protocol == "udp" else {}
    return asked | ({f"--{config.family}": True} if config.family != "ipv4" else {})


def refuse_without_effect(config: RunConfig, given: Mapping[str, object] | None = None) -> None:
    """UsageError for the first option that has no effect beside the others.

    `given`: long option -> value, for each option on the command line, even one that has its default value. Whatever
    differs from the defaults in `config` counts as asked for too, so `config` must not yet have the scenario's values.
    """
    options = options_of(config) | dict(given or {})
    asked = Asked(config, find_scenario("in-order" if config.to is not None else config.scenario), options)
    for rule in RULES:
        clashing = [option for option in rule.options if option in options]
        if clashing and rule.when(asked):
            raise UsageError(f"{clashing[0]} {rule.because}", rule.instead)
