"""Which options go together: the one table of what has no effect beside what else was asked for.

An option that cannot take effect is refused, never accepted in silence. The range of a single value is
`RunConfig.validate()`'s, not a rule.
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
    """`options`: long option -> the value given to it. `scenario` is that of the run; towards a sink elsewhere, where
    there is none, the control, whose defaults stand in."""

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
    """Each of `options` is refused where `when` holds. `because` goes on from the option's name: one sentence with it;
    `instead` is what to do."""

    options: tuple[str, ...]
    when: Callable[[Asked], bool]
    because: str
    instead: str


def family_of_target(to: str) -> str | None:
    """ipv4, ipv6 or vsock of an address; None for a name, which may have either. UsageError for what is no target."""
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
    # ---- a sink elsewhere: the path is what it is, and the other side is not ours ----
    Rule(
        ("--scenario",),
        lambda asked: asked.is_remote,
        "says what happens to a path of our own, and with --to there is none",
        "leave out --scenario, or --to",
    ),
    Rule(
        ("--optmem-max",),
        lambda asked: asked.is_remote,
        "is the limit of a network namespace of our own, and with --to the sender stays in this one",
        "set this host's: sysctl net.core.optmem_max",
    ),
    Rule(
        ("--hold-share", "--hold-rate"),
        lambda asked: asked.is_remote,
        "holds clones back on a path of our own, and with --to there is none",
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
        "memlock is about pages that zerocopy sends pin, and with --no-zerocopy there are none",
        "choose another scenario, or leave out --no-zerocopy",
    ),
    Rule(
        ("--nics",),
        lambda asked: asked.is_remote,
        "is for a sink of our own, and with --to it is elsewhere",
        "leave out --nics, or --to",
    ),
    Rule(
        ("--affinity",),
        lambda asked: asked.is_remote and len(asked.config.affinity or ()) != 1,
        "pins a sink of our own too, and with --to it is elsewhere",
        "name the senders' CPU alone, as in -A 0; pin the sink where it runs: taskset -c 1 zcprobe sink",
    ),
    Rule(
        ("--affinity",),
        lambda asked: not asked.is_remote and len(asked.config.affinity or ()) != 2,
        "names the senders' CPU and the sink's",
        "give both, for example -A 0,1; only with --to there is no sink of ours",
    ),
    Rule(
        ("--token", "--token-file"),
        lambda asked: not asked.is_remote,
        "is for a sink elsewhere that asks for it, and without --to there is none",
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
        "name it: --vsock --to vsock:CID",
    ),
    Rule(
        ("--to", "--ipv6", "--vsock"),
        _contradicts_target,
        "names an address of another family than the one asked for",
        "give -6 with an IPv6 address, --vsock with vsock:CID, and neither with an IPv4 address",
    ),
    Rule(
        ("--nics",),
        _names_loopback,
        "moves the devices into namespaces of the run, and lo stays where it is",
        "leave out --nics, for a veth pair",
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
        "cannot be in a scenario of late acknowledgements, since datagrams have none",
        "choose --scenario held-in-flight, which holds datagrams in flight, or leave out --udp",
    ),
    Rule(
        ("--udp",),
        lambda asked: asked.scenario.find(ReorderImpairment) is not None,
        "cannot be in the control of data out of order, whose completions only acknowledgements put in order",
        "choose --scenario held-completions, or leave out --udp",
    ),
    Rule(
        ("--nagle", "--cork"),
        lambda asked: not asked.config.is_tcp,
        "is an option of TCP, and this run has none",
        "leave it out, or --udp and --vsock",
    ),
    Rule(
        ("--window",),
        lambda asked: asked.config.family == "vsock",
        "is a socket option that vsock does not look at: it goes by the receiver's buffer",
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
        "is not for a migration, which sends its guest's memory in packets of pages until the rest fits the downtime",
        "choose --guest, --dirty-rate, --downtime and --max-rounds instead",
    ),
    Rule(
        ("--guest", "--dirty-rate", "--downtime", "--max-rounds", "--zero-pages"),
        lambda asked: asked.model != "migration",
        "describes a migration, and this traffic is none",
        "add --traffic migration, or leave it out",
    ),
    Rule(
        ("--header",),
        lambda asked: asked.model not in ("migration", "rpc"),
        "is for migration and rpc traffic: no other has headers of a size to choose",
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
        "copies smaller payloads, and none is smaller",
        "choose a size above the smallest of -l",
    ),
    Rule(
        ("--traffic",),
        lambda asked: asked.model == "mixed" and len(asked.config.sizes) == 1,
        "mixed needs sizes to mix, and there is one",
        "give them with weights: -l 1K:8,64K:2",
    ),
    # ---- plain copying sends ----
    Rule(
        ("--policy", "--policies", "--set"),
        lambda asked: not asked.config.zerocopy,
        "is about answers to ENOBUFS, and with --no-zerocopy no send asks a policy",
        "leave it out, or --no-zerocopy",
    ),
    Rule(
        ("--flush-result", "--wait-for", "--settle", "--copy-below"),
        lambda asked: not asked.config.zerocopy,
        "is about zerocopy sends and their completions, and with --no-zerocopy there are none",
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
    """Long option -> value of what differs from the defaults: what a caller without a command line has asked for."""
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

    `given`: long option -> value, of those that a command line has, also where that is the default; what differs from
    the defaults in `config`, which has not been completed by the scenario yet, is taken as asked for in any case.
    """
    options = options_of(config) | dict(given or {})
    asked = Asked(config, find_scenario("in-order" if config.to is not None else config.scenario), options)
    for rule in RULES:
        clashing = [option for option in rule.options if option in options]
        if clashing and rule.when(asked):
            raise UsageError(f"{clashing[0]} {rule.because}", rule.instead)
