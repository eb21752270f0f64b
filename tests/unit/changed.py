# SPDX-License-Identifier: GPL-2.0-only
"""A real run, changed as if it had been made in another way."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from zcprobe.config import RunConfig
from zcprobe.dataset.load import Run
from zcprobe.dataset.loose import fill_struct
from zcprobe.format.metadata import RunMetadata
from zcprobe.policies import POLICIES
from zcprobe.seal import FileDigest, sealed
from zcprobe.workloads import Traffic

__all__ = ["changed_run", "run_pair", "run_with", "store_metadata", "stored_results"]

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


def run_with(run: Run, folder: Path | None = None, *, results: Mapping[str, Any] | None = None, **members: Any) -> Run:
    """The run with other members of its summaries and of its metadata, in a folder that need not have its tables."""
    changed = {name: _with_results(summary, results or {}) for name, summary in _summaries(run).items()}
    assert set(results or {}) <= {name for summary in changed.values() for name in summary.__struct_fields__}
    return Run(folder or run.folder, replace(run.meta, **{**changed, **members}))


def _summaries(run: Run) -> dict[str, msgspec.Struct]:
    return {"kernel": run.meta.kernel, "sender": run.meta.sender}


def _with_results(summary: msgspec.Struct, results: Mapping[str, Any]) -> msgspec.Struct:
    return replace(summary, **{name: results[name] for name in summary.__struct_fields__ if name in results})


def stored_results(run: Run) -> dict[str, Any]:
    """The members of the summaries as the run's folder has them, of whatever version it is."""
    content = msgspec.json.decode((run.folder / "run.json").read_bytes())
    found = [content[name] for name in ("summary", "kernel", "sender") if name in content]
    return {name: value for members in found for name, value in members.items()}


def changed_run(run: Run, **options: Any) -> Run:
    """The run with other values of options, by their flat names (`socket_pacing_bps`). The limit in force follows."""
    config = run.meta.config
    for name, value in options.items():
        member, _, nested = name.partition("_")
        inner = getattr(config, member, None)
        if isinstance(inner, msgspec.Struct):
            config = replace(config, **{member: replace(inner, **{nested: value})})
        else:
            config = fill_struct(RunConfig, {**msgspec.to_builtins(config), name: value})
    limit = {"optmem_max_bytes": options["optmem_max_bytes"]} if "optmem_max_bytes" in options else {}
    return run_with(run, results=limit, config=config)


def run_pair(run: Run, name: str) -> tuple[Run, Run]:
    """Two runs that differ in one option, whatever it is, and in which it has an effect."""
    setting = _WHERE_IT_MATTERS.get(name, {})
    if name.startswith("parameters_"):
        setting = {"policy": _reader_of(name.removeprefix("parameters_"))}
    before = changed_run(run, **setting)
    return before, changed_run(before, **{name: _other(name, before.options[name])})


def store_metadata(folder: Path, meta: RunMetadata) -> None:
    """Writes run.json with the digests of the folder's other files and its own."""
    contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "run.json"}
    files = {name: FileDigest(len(raw), hashlib.sha256(raw).hexdigest()) for name, raw in contents.items()}
    (folder / "run.json").write_bytes(sealed(replace(meta, files=files)))
