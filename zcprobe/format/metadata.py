# SPDX-License-Identifier: GPL-2.0-only
"""run.json: everything about a run except its tables."""

from typing import Literal

import msgspec

from zcprobe.config import RunConfig
from zcprobe.format.attachment import AttachmentKernel
from zcprobe.format.calibration import Calibration
from zcprobe.format.effects import Effects
from zcprobe.format.findings import Finding, RunWarning
from zcprobe.format.host import Host
from zcprobe.format.lab import Lab
from zcprobe.format.scenario import RecordedScenario
from zcprobe.format.sockets import SocketCounts
from zcprobe.format.summary import ChannelSummary, KernelSummary, SenderSummary
from zcprobe.seal import FileDigest
from zcprobe.version import VERSION

__all__ = [
    "FORMAT_MINOR",
    "FORMAT_VERSION",
    "AttachmentMetadata",
    "Kind",
    "Recording",
    "RunMetadata",
    "must_have_digests",
]

FORMAT_VERSION = 3
FORMAT_MINOR = 0
"""Grows with additions that older readers of the same FORMAT_VERSION can ignore."""


def must_have_digests(version: int, minor: object) -> bool:
    """Whether metadata of that version (and minor version, if it is given) end in their digest and name the digests of
    the other files, as they do since 2.1."""
    return version > 2 or minor != 0


Kind = Literal["benchmark", "attachment"]
"""What was recorded: our own sender (benchmark), or a process that was only watched. A run without this member is a
benchmark."""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """The members of run.json for every subject: how it was watched, what the kernel counted, and what the folder
    holds.

    In a run made before a member existed, that member is None, or empty if its type does not allow None.

    `complete`: every record and event is there and all counts reconcile. `cookies`: those of the subject's sockets, as
    in `kernel_events`. `probes`: probe name -> mechanism. `rows_beyond_limit`: table -> rows that are missing at its
    end because the run's records reached their limit. `lost_by_kind`: event kind -> events lost by each CPU.
    `copy_paths`: stack id -> skbs. `sender`: None if nobody but the kernel counted, as in an attachment. `files`: name
    -> digest of each of the run's other files; `zcprobe.seal` adds the digest of run.json itself."""

    format_version: int = FORMAT_VERSION
    format_minor: int = FORMAT_MINOR
    zcprobe_version: str = VERSION
    kind: Kind
    run_id: str
    started_utc: str
    complete: bool
    warnings: list[RunWarning]
    host: Host
    probes: dict[str, str]
    attached: list[str] | None
    typed_tracepoints: bool | None
    lost_by_kind: dict[str, list[int]] | None
    missed_runs: dict[str, int] | None
    cookies: list[int]
    sockets: list[SocketCounts] | None
    copy_paths: dict[str, int] | None
    send_results: dict[str, int]
    rows: dict[str, int]
    rows_beyond_limit: dict[str, int] = {}
    reconciliation: list[Finding]
    kernel: KernelSummary
    sender: SenderSummary | None = None
    files: dict[str, FileDigest] | None


class RunMetadata(Recording, frozen=True, kw_only=True):
    """run.json of a benchmark, which adds the configuration, the path, and what sender and sink counted."""

    kind: Kind = "benchmark"
    config: RunConfig
    scenario: RecordedScenario
    lab: Lab
    calibration: Calibration | None
    effects: Effects | None
    sender: SenderSummary
    channels: list[ChannelSummary]


class AttachmentMetadata(Recording, frozen=True, kw_only=True):
    """run.json of an attachment. `selection`: which processes were asked for, in words. `interval_ns`: between two rows
    of a socket in `samples`."""

    kind: Kind = "attachment"
    selection: str
    interval_ns: int
    kernel: AttachmentKernel
