"""What a session is asked to measure, and what it counted: light to import, also where nothing is measured."""

import msgspec

from zcprobe.config import ProbeLevel
from zcprobe.format.sockets import SocketCounts

__all__ = ["MeasurementCounts", "Snapshot", "SocketSnapshot", "Target"]


class Target(msgspec.Struct, frozen=True):
    """Whose sockets: those of a network namespace; of them those with these cookies, unless there are none; of them
    those that process `tgid` sends on, unless it is 0."""

    netns_inode: int
    cookies: list[int] = []
    tgid: int = 0
    level: ProbeLevel = "timeline"


class MeasurementCounts(msgspec.Struct):
    """Of one run. `kept_events`: those that are in the file. `send_results`: errno name's number -> calls, 0 for
    success; `lost_by_kind`: event kind -> lost by each CPU; `missed_runs`: BPF function -> how often the kernel did not
    run it, because it, or with kprobes another one, was running on that CPU, for this run's sockets or for others;
    `sockets`: cookie -> what the kernel counted; `copy_paths`: stack id -> skbs copied there."""

    events: int = 0
    kept_events: int = 0
    lost_events: int = 0
    lost_by_kind: dict[str, list[int]] = msgspec.field(default_factory=dict)
    missed_runs: dict[str, int] = msgspec.field(default_factory=dict)
    send_results: dict[int, int] = msgspec.field(default_factory=dict)
    sockets: dict[int, SocketCounts] = msgspec.field(default_factory=dict)
    copy_paths: dict[int, int] = msgspec.field(default_factory=dict)


class SocketSnapshot(msgspec.Struct, frozen=True):
    """One socket while it is watched: its `counts` so far, and what a program last saw of it, on the return of a send
    call or at the end of a notification: `optmem_bytes`, the level, and `errqueue_depth`, notifications unread."""

    counts: SocketCounts
    optmem_bytes: int
    errqueue_depth: int


class Snapshot(msgspec.Struct, frozen=True):
    """Of a measurement under way. `time_ns`: CLOCK_MONOTONIC before the first counter was read; `send_results` and
    `lost_events` are as in MeasurementCounts, since the measurement began; `sockets`: each that was seen, closed ones
    last."""

    time_ns: int
    sockets: list[SocketSnapshot]
    send_results: dict[int, int]
    lost_events: int
