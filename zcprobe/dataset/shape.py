# SPDX-License-Identifier: GPL-2.0-only
"""Checks metadata before anybody relies on them: which members they have, of which type, and how large."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from zcprobe.config import RunConfig
from zcprobe.dataset.loose import COUNT, NUMBER, loose_struct, never_null
from zcprobe.format.attachment import AttachmentKernel, ProcessFacts, SocketSummary, ThreadSummary
from zcprobe.format.calibration import Calibration
from zcprobe.format.claims import Claim
from zcprobe.format.comparison import ComparedRun, ComparisonMetadata, PolicyResult
from zcprobe.format.diagnosis import Diagnosed
from zcprobe.format.effects import Effects
from zcprobe.format.findings import Finding, RunWarning
from zcprobe.format.host import Host
from zcprobe.format.intervals import Estimate
from zcprobe.format.lab import Lab
from zcprobe.format.outcomes import Outcome
from zcprobe.format.overhead import LevelCost, Overhead
from zcprobe.format.scenario import RecordedScenario
from zcprobe.format.sockets import SocketCounts
from zcprobe.format.summary import ChannelSummary, KernelSummary, SenderSummary
from zcprobe.seal import FileDigest

__all__ = ["require_bounded", "require_comparison", "require_run"]

_MOST_CHARACTERS = 4096
_MOST_DEPTH = 32
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


class _Impairment(msgspec.Struct, kw_only=True):
    """Parameters of impairments that are options too, and are told in words."""

    hold_one_in_count: COUNT | None = None
    hold_rate_bps: COUNT | None = None


_FLAT = COUNT | NUMBER | str | bool | None
"""What stands in one cell of a table."""

_HEX = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]

_NAME = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.+-]{1,64}$")]
"""The name of a policy, a scenario or a cause. Figures show it in titles and legends, so it may hold no markup."""

_OWN: dict[str, Any] = {
    "outcome": Outcome,
    "scenario": _NAME,
    "policy": _NAME,
    "enobufs_causes": Annotated[dict[_NAME, COUNT], Meta(max_length=256)] | None,
    "optmem_max_bytes": Annotated[int, Meta(ge=1, le=2**63 - 1)],
    "affinity": Annotated[list[COUNT], Meta(min_length=1, max_length=1024)] | None,
    "enobufs_unread_share": Annotated[float, Meta(ge=0, le=1)] | None,
    "expected": int,
    "found": int,
    "impairment": _Impairment | None,
    "reading": dict[str, _FLAT] | None,
    "sha256": _HEX,
}
"""Members whose values a reader bounds more narrowly, or more widely, than the writer's type does."""

_ERRNO = Annotated[str, Meta(pattern="^[0-9]{1,9}$")]
_FILE_NAME = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}\.(parquet|json)$")]


def _some(kind: Any, most: int = 256, least: int = 0) -> Any:
    return Annotated[list[kind], Meta(min_length=least, max_length=most)]


def _table(key: Any, value: Any) -> Any:
    return Annotated[dict[key, value], Meta(max_length=256)]


def _counts() -> Any:
    """Names that a foreign process may have chosen, with a count of each."""
    return Annotated[dict[str, COUNT], Meta(max_length=4096)] | None


_RECORDING: list[Any] = [
    ("format_version", int),
    ("format_minor", COUNT),
    ("zcprobe_version", str),
    ("run_id", str),
    ("started_utc", str),
    ("complete", bool),
    ("host", loose_struct(Host, _OWN, ("kernel_release", "machine", "distribution", "cpu_model", "cpu_count"))),
    ("probes", _table(str, str)),
    ("send_results", _table(_ERRNO, COUNT)),
    ("rows", _table(str, COUNT)),
    ("reconciliation", _some(loose_struct(Finding, _OWN, ("what", "expected", "found", "holds")), 1 << 16)),
    ("cookies", _some(int, 1024)),
    ("warnings", _some(loose_struct(RunWarning, _OWN, ("id", "text")))),
    ("attached", _some(str, 4096) | None, None),
    ("typed_tracepoints", bool | None, None),
    ("lost_by_kind", _table(str, _some(COUNT, 1 << 16)) | None, None),
    ("missed_runs", _table(str, COUNT) | None, None),
    ("sockets", _some(loose_struct(SocketCounts, _OWN | {"optmem_max_bytes": COUNT}), 1024) | None, None),
    ("copy_paths", Annotated[dict[str, COUNT], Meta(max_length=1 << 16)] | None, None),
    ("rows_beyond_limit", _table(str, COUNT), {}),
    ("files", _table(_FILE_NAME, loose_struct(FileDigest, _OWN, ("bytes", "sha256"))) | None, None),
]
"""What run.json has whatever was recorded."""

_RUN = msgspec.defstruct(
    "run",
    [
        *_RECORDING,
        ("kind", str, "benchmark"),
        ("config", loose_struct(RunConfig, _OWN, never_null(RunConfig))),
        ("scenario", loose_struct(RecordedScenario, _OWN, ("description",))),
        ("lab", loose_struct(Lab, _OWN)),
        ("kernel", loose_struct(KernelSummary, _OWN, never_null(KernelSummary))),
        ("sender", loose_struct(SenderSummary, _OWN, never_null(SenderSummary))),
        ("channels", _some(loose_struct(ChannelSummary, _OWN, never_null(ChannelSummary)), 1024, 1)),
        ("calibration", loose_struct(Calibration, _OWN) | None, None),
        ("effects", loose_struct(Effects, _OWN) | None, None),
    ],
    kw_only=True,
)

_OF_SOCKET = _OWN | {"optmem_max_bytes": COUNT, "readers": _counts(), "late_holders": _counts()}
_OF_PROCESS = _OWN | {"memlock_limit_bytes": int}
_OF_FINDING = _OWN | {"evidence": _table(str, int | float | str | None)}
_OF_KERNEL = _OWN | {
    "optmem_max_bytes": COUNT,
    "sockets": _some(loose_struct(SocketSummary, _OF_SOCKET, ("protocol",)), 1 << 16),
    "threads": _some(loose_struct(ThreadSummary, _OWN, ("tid", "comm")), 1 << 16),
    "processes": _some(loose_struct(ProcessFacts, _OF_PROCESS, ("comm",)), 1 << 16),
    "findings": _some(loose_struct(Diagnosed, _OF_FINDING, ("id", "what", "evidence", "do"))),
}

_ATTACHMENT = msgspec.defstruct(
    "attachment",
    [
        *_RECORDING,
        ("kind", Literal["attachment"]),
        ("selection", str),
        ("interval_ns", COUNT),
        ("kernel", loose_struct(AttachmentKernel, _OF_KERNEL, never_null(AttachmentKernel))),
        ("sender", None, None),
    ],
    kw_only=True,
)


class _FlatLab(msgspec.Struct, kw_only=True):
    impairment: dict[str, _FLAT] | None = None


class _FlatRun(msgspec.Struct, kw_only=True):
    """The other parameters of an impairment are shown as they are, each in one cell of a table."""

    lab: _FlatLab


_ESTIMATE = loose_struct(Estimate, _OWN, ("n", "median", "low", "high"))
_OF_RESULT = _OWN | {"outcomes": dict[Outcome, COUNT], "medians": _table(str, _ESTIMATE)}
_OF_ENTRY = _OWN | {"folder": Annotated[str, Meta(pattern=r"^[^/\x00]+$", max_length=255)], "sha256": _HEX | None}
_OF_COST = _OWN | {"ratios": list[NUMBER], "estimate": _ESTIMATE}

_SIGNED = Annotated[float, Meta(ge=-1e18, le=1e18)]
_OF_CLAIM = _OWN | {"effect": _SIGNED, "low": _SIGNED | None, "high": _SIGNED | None}

_OF_COMPARISON = _OWN | {
    "seed": int | None,
    "policies": _table(_NAME, loose_struct(PolicyResult, _OF_RESULT, never_null(PolicyResult)) | None),
    "verdict": list[str],
    "smallest_effect": Annotated[float, Meta(ge=0, le=1)],
    "overhead": loose_struct(
        Overhead,
        {"levels": _some(loose_struct(LevelCost, _OF_COST, ("level", "estimate")))},
        never_null(Overhead),
    ),
    "verdicts": _some(loose_struct(Claim, _OF_CLAIM, ("quantity", "reference", "candidate")), 1 << 16),
    "runs": list[loose_struct(ComparedRun, _OF_ENTRY, never_null(ComparedRun))],  # type: ignore[misc]
}

_COMPARISON = loose_struct(
    ComparisonMetadata, _OF_COMPARISON, ("scenario", "started_utc", "seed", "planned_runs", "policies", "runs")
)


def require_bounded(value: Any, depth: int = 0) -> None:
    """ValueError for a text, a number or a nesting that is larger than in any metadata. `value` is decoded JSON."""
    if depth >= _MOST_DEPTH:
        raise ValueError(f"objects nested more than {_MOST_DEPTH} deep")
    for part in (
        (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else (value,)
    ):
        kind = type(part)
        if kind is str:
            if len(part) > _MOST_CHARACTERS:
                raise ValueError(f"a text of {len(part):,} characters")
        elif kind is int:
            if not _SMALLEST <= part <= _LARGEST:
                raise ValueError("a number of more than 64 bits")
        elif kind is dict or kind is list:
            require_bounded(part, depth + 1)


def require_run(meta: dict[str, Any]) -> None:
    """msgspec.ValidationError or ValueError for metadata that no run can have. Missing members are filled in before."""
    if meta.get("kind") == "attachment":
        msgspec.convert(meta, _ATTACHMENT)
        _require_moment(meta["started_utc"])
        return
    msgspec.convert(meta, _RUN)
    msgspec.convert(meta, _FlatRun)
    for counts in (meta["sender"], *meta["channels"]):
        _require_arrival(counts)
    _require_moment(meta["started_utc"])


def _require_arrival(counts: dict[str, Any]) -> None:
    sent, received, missing = (counts.get(f"datagrams_{name}") for name in ("sent", "received", "missing"))
    if (missing is None) != (sent is None or received is None):
        raise ValueError(f"{sent} datagrams sent, {received} received and {missing} missing")


def require_comparison(meta: dict[str, Any]) -> None:
    """msgspec.ValidationError or ValueError for a comparison.json that no comparison can have. Missing members are
    filled in before."""
    found = msgspec.convert(meta, _COMPARISON)
    _require_moment(found.started_utc)
    for entry in found.runs:
        if entry.folder in (".", ".."):
            raise ValueError(f"a run in the folder {entry.folder!r}")


def _require_moment(text: str) -> None:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 1970 < moment.year < 9999:
        raise ValueError(f"{text!r} is not a moment of UTC")
