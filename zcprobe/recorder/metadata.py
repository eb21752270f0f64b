"""run.json: everything about a run but its tables."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from zcprobe.config import RunConfig
from zcprobe.format.findings import Finding, RunWarning
from zcprobe.format.sockets import SocketCounts
from zcprobe.format.summary import ChannelSummary, Summary
from zcprobe.lab.calibration import Calibration
from zcprobe.lab.effects import Effects
from zcprobe.seal import FileDigest, sealed
from zcprobe.version import VERSION

__all__ = ["FORMAT_MINOR", "FORMAT_VERSION", "RunMetadata", "digests_of", "now_utc", "write_json", "write_sealed"]

FORMAT_VERSION = 2
FORMAT_MINOR = 1
"""What was added to the version that older readers need not know: since 1 metadata have digests."""


class RunMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """`complete`: every record and event is there and all counts reconcile. `probes`: probe name -> mechanism.
    `rows_beyond_limit`: table -> rows that it lacks at its end, because the run's records had reached their limit.
    `lost_by_kind`: event kind -> lost by each CPU. `copy_paths`: stack id -> skbs. `files`: name -> digest of each of
    the run's other files; `zcprobe.seal` adds that of run.json itself."""

    format_version: int = FORMAT_VERSION
    format_minor: int = FORMAT_MINOR
    zcprobe_version: str = VERSION
    run_id: str
    started_utc: str
    complete: bool
    config: RunConfig
    scenario: dict[str, Any]
    lab: dict[str, Any]
    calibration: Calibration | None
    effects: Effects
    warnings: list[RunWarning]
    host: dict[str, Any]
    probes: dict[str, str]
    attached: list[str]
    typed_tracepoints: bool
    lost_by_kind: dict[str, list[int]]
    missed_runs: dict[str, int]
    sockets: list[SocketCounts]
    copy_paths: dict[str, int]
    send_results: dict[str, int]
    rows: dict[str, int]
    rows_beyond_limit: dict[str, int] = {}
    reconciliation: list[Finding]
    summary: Summary
    channels: list[ChannelSummary]
    cookies: list[int]
    files: dict[str, FileDigest]


def now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_json(path: Path, content: object) -> None:
    """Indented, for people with a pager."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def write_sealed(path: Path, content: object) -> None:
    """The same, with a digest of itself at the end."""
    path.write_bytes(sealed(content))


def digests_of(*paths: Path) -> dict[str, FileDigest]:
    """Name -> digest of files that are there. They were written just now, so they are read from memory."""
    return {path.name: _digest_of(path) for path in paths if path.exists()}


def _digest_of(path: Path) -> FileDigest:
    with path.open("rb", buffering=0) as file:
        return FileDigest(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
