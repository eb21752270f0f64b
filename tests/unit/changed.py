"""A real run, changed as if it had been made in another way."""

from copy import deepcopy
from typing import Any

from zcprobe.dataset.load import Run
from zcprobe.policies import POLICIES
from zcprobe.workloads import Traffic

__all__ = ["changed_run", "run_pair"]

_OTHERS: dict[str, Any] = {
    "scenario": "in-flight",
    "policy": "ydb",
    "family": "ipv6",
    "protocol": "udp",
    "traffic_model": "mixed",
    "traffic_reuse": "at-once",
    "traffic_sizes": [[4096, 8], [65536, 2]],
    "flush_variant": "any-copied",
    "wait_for": "both",
    "buffers": "hugepages",
    "probe_level": "full",
    "mechanism": "kprobe",
    "affinity": [0, 1],
    "to": "192.0.2.1:5301",
    "link": ["eth1", "eth2"],
}

_WHERE_IT_MATTERS: dict[str, dict[str, Any]] = {
    f"traffic_{name}": {"traffic_model": "migration"}
    for name in Traffic.__struct_fields__
    if name not in ("model", "reuse", "sizes", "copy_below_bytes")
}
"""Options that have no effect in every run -> the others that give them one."""


def _other(name: str, value: Any) -> Any:
    if name in _OTHERS:
        return _OTHERS[name]
    return not value if isinstance(value, bool) else 2 * (value or 500)


def _reader_of(parameter: str) -> str:
    return next(policy.name for policy in POLICIES.values() if parameter in policy.reads)


def changed_run(run: Run, **options: Any) -> Run:
    """The run with other values of options, by their flat names (`socket_pacing_bps`). The limit in force follows."""
    meta = deepcopy(run.meta)
    for name, value in options.items():
        member, _, nested = name.partition("_")
        if isinstance(meta["config"].get(member), dict):
            meta["config"][member][nested] = value
        else:
            meta["config"][name] = value
    if "optmem_max_bytes" in options:
        meta["summary"]["optmem_max_bytes"] = options["optmem_max_bytes"]
    return Run(run.folder, meta)


def run_pair(run: Run, name: str) -> tuple[Run, Run]:
    """Two runs that differ in one option, whatever it is, and in which it has an effect."""
    setting = _WHERE_IT_MATTERS.get(name, {})
    if name.startswith("parameters_"):
        setting = {"policy": _reader_of(name.removeprefix("parameters_"))}
    before = changed_run(run, **setting)
    return before, changed_run(before, **{name: _other(name, before.options[name])})
