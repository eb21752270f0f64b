# SPDX-License-Identifier: GPL-2.0-only
"""Running totals of an attachment by label: counters that never go down, and the levels of the last interval."""

from collections.abc import Mapping, Sequence

import msgspec

from zcprobe.format.attachment import AttachmentSummary, SocketSummary, UringSummary
from zcprobe.format.causes import CAUSES
from zcprobe.format.diagnosis import DIAGNOSES

__all__ = ["COUNTED", "LABELS", "LEVELS", "Members", "RunningTotals", "Totals"]

LABELS = ("comm", "pid", "fd", "protocol", "local", "remote")
"""What may tell one total from another. `comm` is the name of the process, and the others are the members of a
socket."""

COUNTED = (
    "sends",
    "plain_sends",
    "bytes_sent",
    "notifications_read",
    "completions_read",
    "copied_true",
    "flushes",
    "flushes_empty_then_enobufs",
)
"""The members of a socket's summary that only grow."""

LEVELS = ("optmem_peak_bytes", "in_flight_peak_bytes", "unread_peak_bytes", "errqueue_depth_max")
"""The members of a sample of which the highest counts."""

Values = tuple[str, ...]
"""A value for each label."""

Members = Mapping[str, int | str | bool | None]
"""A sample, as `sample_members` makes it."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of the totals at the end of an interval. `counters`: member -> label values -> count, since the watching
    began; a member that no detail in use sees is missing. `enobufs`: (*label values, cause) -> calls. `levels`: member
    -> label values -> the highest of the sockets that were open in the last interval; besides LEVELS `open_sockets`,
    `optmem_max_bytes` (the lowest) and `used_ratio` (level over limit). `findings`: id -> whether it holds. `uring`: of
    all watched processes together; None if io_uring is not watched."""

    labels: tuple[str, ...]
    counters: dict[str, dict[Values, int]]
    enobufs: dict[Values, int]
    levels: dict[str, dict[Values, float]]
    findings: dict[str, bool]
    uring: UringSummary | None
    duration_ns: int
    forgotten_sockets: int


class RunningTotals:
    """Adds up what the summaries of an attachment say of the sockets that a look has seen. A socket's counts are
    remembered only while the summary has the socket, so memory is bounded; what it had sent stays in the totals."""

    def __init__(self, labels: Sequence[str] = ("comm",)) -> None:
        self._labels = tuple(labels)
        self._counters: dict[str, dict[Values, int]] = {}
        self._enobufs: dict[Values, int] = {}
        self._seen: dict[int, dict[str, int]] = {}

    def update(
        self,
        summary: AttachmentSummary,
        samples: Sequence[Members],
        forgotten_sockets: int = 0,
    ) -> Totals:
        """The totals at the end of an interval. `samples`: those of that interval."""
        comms = {process.pid: process.comm for process in summary.processes}
        before, self._seen = self._seen, {}
        for socket in summary.sockets:
            if socket.number is not None:
                values = self._values(comms, msgspec.structs.asdict(socket))
                self._seen[socket.number] = self._add(socket, values, before.get(socket.number, {}))
        holding = {finding.id for finding in summary.findings}
        return Totals(
            labels=self._labels,
            counters={name: dict(counts) for name, counts in self._counters.items()},
            enobufs=dict(self._enobufs),
            levels=_levels([(self._values(comms, one), one) for one in samples if one["state"] != "gone"]),
            findings={name: name in holding for name in DIAGNOSES},
            uring=summary.uring,
            duration_ns=summary.duration_ns,
            forgotten_sockets=forgotten_sockets,
        )

    def _values(self, comms: dict[int | None, str], members: Mapping[str, object]) -> Values:
        known = {**members, "comm": comms.get(members["pid"])}  # type: ignore[call-overload]
        return tuple("" if known[name] is None else str(known[name]) for name in self._labels)

    def _add(self, socket: SocketSummary, values: Values, before: dict[str, int]) -> dict[str, int]:
        """Adds what the socket has counted since `before`, and returns what it has counted now. A count that went down,
        as that of sends does when the kernel takes one back, waits until it is higher than it was."""
        now = dict(before)
        for name in COUNTED:
            count = getattr(socket, name)
            if count is not None:
                counts = self._counters.setdefault(name, {})
                counts[values] = counts.get(values, 0) + max(0, count - before.get(name, 0))
                now[name] = max(count, before.get(name, 0))
        for cause, count in _causes(socket).items():
            key, name = (*values, cause), f"enobufs {cause}"
            self._enobufs[key] = self._enobufs.get(key, 0) + max(0, count - before.get(name, 0))
            now[name] = max(count, before.get(name, 0))
        return now


def _causes(socket: SocketSummary) -> dict[str, int]:
    """Cause -> refused calls, also those with none: a counter that first appears with its first call would hide that
    call from increase(). `unknown` where calls were counted but not their causes."""
    if socket.enobufs_causes is not None:
        return {**dict.fromkeys(CAUSES, 0), **socket.enobufs_causes}
    return {} if socket.enobufs is None else {"unknown": socket.enobufs}


def _levels(samples: list[tuple[Values, Members]]) -> dict[str, dict[Values, float]]:
    levels: dict[str, dict[Values, float]] = {
        name: {} for name in ("open_sockets", "optmem_max_bytes", "used_ratio", *LEVELS)
    }
    for values, sample in samples:
        levels["open_sockets"][values] = levels["open_sockets"].get(values, 0) + 1
        for name in LEVELS:
            _keep_highest(levels[name], values, sample[name])
        limit, peak = sample["optmem_max_bytes"], sample["optmem_peak_bytes"]
        if isinstance(limit, int) and isinstance(peak, int) and limit:
            _keep_highest(levels["used_ratio"], values, peak / limit)
            levels["optmem_max_bytes"][values] = min(limit, levels["optmem_max_bytes"].get(values, limit))
    return levels


def _keep_highest(highest: dict[Values, float], values: Values, level: float | str | None) -> None:
    if isinstance(level, int | float):
        highest[values] = max(level, highest.get(values, level))
