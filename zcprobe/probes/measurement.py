"""What a session is asked to measure, and what it counted: light to import, also where nothing is measured."""

import msgspec

from zcprobe.config import ProbeLevel
from zcprobe.format.sockets import SocketCounts

__all__ = ["MeasurementCounts", "Target"]


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
