# SPDX-License-Identifier: GPL-2.0-only
"""What a session is asked to measure, and what it counted. It is cheap to import, even if nothing is measured."""

import msgspec

from zcprobe.config import ProbeLevel
from zcprobe.format.sockets import SocketCounts
from zcprobe.probes.usage import SocketUsage

__all__ = ["MeasurementCounts", "Snapshot", "SocketSnapshot", "Target"]


class Target(msgspec.Struct, frozen=True):
    """The sockets to watch: those of a network namespace; of these only those with the given cookies, if any are given;
    of these only those on which process `tgid` sends, unless it is 0.

    Or, if `processes` are given, in any namespace: the sockets with zerocopy on which these processes send, by their
    ids in the first pid namespace; of these only those on which `threads` send, if any are given. `follow`: also those
    of their later children.
    """

    netns_inode: int = 0
    cookies: list[int] = []
    tgid: int = 0
    level: ProbeLevel = "timeline"
    processes: list[int] | None = None
    threads: list[int] = []
    follow: bool = False


class MeasurementCounts(msgspec.Struct):
    """Counts of one run. `kept_events`: number of events in the file. `send_results`: errno -> calls, 0 for success.
    `lost_by_kind`: event kind -> events lost by each CPU. `missed_runs`: BPF function -> events that it did not see, of
    this run's sockets or of others: the kernel skips a function that is already running on that CPU, and with kprobes
    also one while any other is running. `taken_over`: BPF function -> events at which the kernel skipped it and its
    stand-in acted, which are not among the missed ones.
    `sockets`: cookie -> the kernel's counts. `copy_paths`: stack id -> skbs copied there."""

    events: int = 0
    kept_events: int = 0
    lost_events: int = 0
    lost_by_kind: dict[str, list[int]] = msgspec.field(default_factory=dict)
    missed_runs: dict[str, int] = msgspec.field(default_factory=dict)
    taken_over: dict[str, int] = msgspec.field(default_factory=dict)
    send_results: dict[int, int] = msgspec.field(default_factory=dict)
    sockets: dict[int, SocketCounts] = msgspec.field(default_factory=dict)
    copy_paths: dict[int, int] = msgspec.field(default_factory=dict)


class SocketSnapshot(msgspec.Struct, frozen=True):
    """One socket while it is watched: its `counts` so far, and the values that a program last saw on the return of a
    send call or at the end of a notification: `optmem_bytes`, the level, and `errqueue_depth`, the unread
    notifications. `usage` is None unless processes are watched."""

    counts: SocketCounts
    optmem_bytes: int
    errqueue_depth: int
    usage: SocketUsage | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """The counts of a measurement that is in progress. `time_ns`: CLOCK_MONOTONIC before the first counter was read.
    `send_results` and `lost_events` are as in MeasurementCounts, since the measurement began. `sockets`: each socket
    that was seen."""

    time_ns: int
    sockets: list[SocketSnapshot]
    send_results: dict[int, int]
    lost_events: int
