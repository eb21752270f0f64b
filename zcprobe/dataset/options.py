# SPDX-License-Identifier: GPL-2.0-only
"""How a run was made: each option under one flat name, and the differences between runs made in different ways."""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from zcprobe.config import DEFAULT_DEADLINE_S, RunConfig
from zcprobe.format.metadata import RunMetadata
from zcprobe.policies import POLICIES

if TYPE_CHECKING:
    from zcprobe.dataset.run import Run

__all__ = [
    "HOST_IN_WAY",
    "OPTIONS",
    "POLICY_OPTIONS",
    "default_options",
    "differing",
    "impairment_of",
    "options_of",
    "unusual_options",
    "way_of",
]

HOST_IN_WAY = ("kernel_release", "machine", "cpu_model", "cpu_count")
"""The names in `way_of` that say on which host a run was made."""

_SPEED_UNITS = ("_bps", "_bytes", "_ns", "_s")
"""Suffixes of the quantities that a calibrated scenario derives from the machine's speed."""


def _flat(config: RunConfig) -> dict[str, Any]:
    """Nested members get both names: `traffic_model`, `socket_nodelay`, `parameters_wait_ms`."""
    flat: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(config).items():
        flat |= {f"{name}_{part}": one for part, one in value.items()} if isinstance(value, dict) else {name: value}
    return flat


OPTIONS = tuple(_flat(RunConfig()))
"""Every option of a run, in the order of the configuration. An option that is added there appears here by itself."""

POLICY_OPTIONS = frozenset(name for name in OPTIONS if name.startswith("parameters_")) | {"policy", "flush_variant"}
"""The options in which the policies of a comparison differ."""

_Config = dict[str, Any]


def _is_migration(config: _Config) -> bool:
    return bool(config["traffic_model"] == "migration")


def _has_sizes(config: _Config) -> bool:
    return bool(config["traffic_sizes"])


def _is_tcp(config: _Config) -> bool:
    return bool(config["protocol"] == "tcp" and config["family"] != "vsock")


def _sends_zerocopy(config: _Config) -> bool:
    return bool(config["zerocopy"])


def _is_counted(config: _Config) -> bool:
    return config["duration_s"] is None and not _is_migration(config)


def _has_probes(config: _Config) -> bool:
    return bool(config["probe_level"] != "off")


_MIGRATION_ALONE = (
    "guest_bytes",
    "dirty_bytes_per_s",
    "downtime_ms",
    "max_rounds",
    "pages_per_packet",
    "zero_percent",
)

_NEEDS: dict[str, Callable[[_Config], bool]] = {
    **dict.fromkeys((f"traffic_{name}" for name in _MIGRATION_ALONE), _is_migration),
    "traffic_header_bytes": lambda config: config["traffic_model"] in ("migration", "rpc"),
    "traffic_copy_below_bytes": lambda config: _sends_zerocopy(config) and not _is_migration(config),
    "traffic_sizes": lambda config: not _is_migration(config),
    "traffic_seed": lambda config: _is_migration(config) or len(config["traffic_sizes"] or ()) > 1,
    "send_bytes": lambda config: not _is_migration(config) and not _has_sizes(config),
    "send_count": _is_counted,
    "duration_s": lambda config: not _is_migration(config),
    "socket_nodelay": _is_tcp,
    "socket_cork": _is_tcp,
    "policy": _sends_zerocopy,
    "flush_variant": _sends_zerocopy,
    "wait_for": _sends_zerocopy,
    "meminfo_interval_ns": lambda config: bool(config["record"]),
    "mechanism": _has_probes,
}
"""Option -> whether it takes effect beside the others. An option that is not listed always takes effect."""


def _in_effect(name: str, config: _Config) -> bool:
    if name.startswith("parameters_"):
        policy = POLICIES.get(config["policy"])
        return _sends_zerocopy(config) and (policy is None or name.removeprefix("parameters_") in policy.reads)
    return name not in _NEEDS or _NEEDS[name](config)


def _chosen(meta: RunMetadata) -> _Config:
    """The configuration, with what it left open filled in from scenario, lab and policy."""
    scenario, impairment = meta.scenario, meta.lab.impairment or {}
    chosen = _flat(meta.config)
    policy = POLICIES.get(chosen["policy"])
    left_open = {
        "send_bytes": scenario.send_bytes,
        "send_count": scenario.send_count,
        "socket_sndbuf_bytes": scenario.sndbuf_bytes,
        "hold_one_in_count": impairment.get("hold_one_in_count"),
        "hold_rate_bps": impairment.get("hold_rate_bps"),
        "flush_variant": policy.flush_variant if policy else None,
        "deadline_s": (meta.calibration and meta.calibration.deadline_s) or DEFAULT_DEADLINE_S,
    }
    chosen |= {name: value for name, value in left_open.items() if chosen[name] is None}
    return chosen | {"optmem_max_bytes": meta.kernel.optmem_max_bytes}


def options_of(meta: RunMetadata) -> dict[str, Any]:
    """Option -> its value in a run with this run.json, in the order of OPTIONS.

    What was left open has the value of scenario, policy or kernel that was in force. None: it was left at the kernel's
    own choice, or has no effect in this run, as the size of the guest has none where no guest migrates.
    """
    chosen = _chosen(meta)
    return {name: value if _in_effect(name, chosen) else None for name, value in chosen.items()}


def default_options(policy: str) -> dict[str, Any]:
    """The options of a run for which only the policy was chosen."""
    known = POLICIES.get(policy)
    config = RunConfig(policy=policy, parameters=known.defaults) if known else RunConfig()
    variant = known.flush_variant if known else None
    return _flat(config) | {"flush_variant": variant, "deadline_s": DEFAULT_DEADLINE_S}


_ALWAYS_TOLD = ("send_bytes", "traffic_sizes", "optmem_max_bytes")
_TOLD_ELSEWHERE = ("scenario", "policy", "send_count", "duration_s")


def unusual_options(meta: RunMetadata) -> dict[str, Any]:
    """The size of a send, the limit, and every option that differs from its default, for one line of print."""
    usual = default_options(meta.config.policy)
    return {
        name: value
        for name, value in options_of(meta).items()
        if value is not None
        and name not in _TOLD_ELSEWHERE
        and (name in _ALWAYS_TOLD or name not in usual or value != usual[name])
    }


def impairment_of(meta: RunMetadata) -> dict[str, Any]:
    """The parameters of the impairments of path and sink, as `impairment_<parameter>`. Those that are options of their
    own are left out."""
    reading = {f"sink_{name}": value for name, value in (meta.scenario.reading or {}).items() if value}
    found = {**(meta.lab.impairment or {}), **reading}
    return {f"impairment_{name}": value for name, value in found.items() if value is not None and name not in OPTIONS}


def _fixed_impairment(meta: RunMetadata) -> dict[str, Any]:
    """The impairment; that of a calibrated scenario without the quantities that follow from the speed of the machine,
    so that the scenario counts as the same on every machine."""
    is_calibrated = meta.calibration is not None
    found = impairment_of(meta).items()
    return {name: value for name, value in found if not (is_calibrated and name.endswith(_SPEED_UNITS))}


def _calibrated_options(meta: RunMetadata) -> list[str]:
    """The options that the scenario chose by the speed of the machine because nobody set them."""
    if meta.calibration is None:
        return []
    config, scenario = meta.config, meta.scenario
    names = [name for name in ("hold_rate_bps", "deadline_s") if getattr(config, name) is None]
    own, size = scenario.send_count or 0, scenario.send_bytes or 0
    chosen = (None, own, own * size // (config.send_bytes or size or 1))
    return [*names, "send_count"] if config.send_count in chosen else names


def way_of(run: "Run") -> dict[str, Any]:
    """All that must be equal in runs that are compared: options in effect, impairment, kernel and host. UsageError for
    an attachment, which was not made with options."""
    options = run.options | dict.fromkeys(_calibrated_options(run.meta))
    host = {name: getattr(run.meta.host, name) for name in HOST_IN_WAY}
    return {**options, **_fixed_impairment(run.meta), **host}


def differing(runs: Sequence["Run"], but_for: Collection[str] = ()) -> dict[str, list[Any]]:
    """What the runs do not have in common: name -> the values that occur, in the order of the runs. The names in
    `but_for` are left out, and so is what follows from another difference: a policy's parameters where the policy
    differs, the impairment where the scenario does. A run that sends without zerocopy has no policy to differ in."""
    ways = [way_of(run) for run in runs]
    found = {}
    for name in dict.fromkeys(name for way in ways for name in way):
        values = [way.get(name) for way in ways if way["zerocopy"] or name not in _OF_ZEROCOPY]
        distinct = [value for at, value in enumerate(values) if value not in values[:at]]
        if name not in but_for and len(distinct) > 1:
            found[name] = distinct
    return {name: values for name, values in found.items() if not _follows(name, found)}


_OF_ZEROCOPY = POLICY_OPTIONS | {"wait_for", "traffic_copy_below_bytes"}


def _follows(name: str, found: Collection[str]) -> bool:
    """Whether the difference follows from another one that was found."""
    if name in POLICY_OPTIONS:
        return name != "policy" and "policy" in found
    if name.startswith(("impairment_", "hold_")) or name == "socket_sndbuf_bytes":
        return "scenario" in found
    if name == "meminfo_interval_ns":
        return "record" in found
    return name in ("traffic_seed", "send_bytes") and "traffic_model" in found
