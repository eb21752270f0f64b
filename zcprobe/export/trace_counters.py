# SPDX-License-Identifier: GPL-2.0-only
"""Trace counters for everything that has a level (error queue, optmem, sends in flight), and a mark for each
ENOBUFS."""

from zcprobe.analysis.levels import LEVEL_KINDS, STILL_CHARGED
from zcprobe.export.trace_chunk import Chunk, Event, thread_id
from zcprobe.format.causes import cause_of

__all__ = ["KERNEL_COLUMNS", "MEMINFO_COLUMNS", "kernel_counters", "meminfo_counters"]

MEMINFO_COLUMNS = ("channel", "optmem_bytes", "in_flight", "reason")
KERNEL_COLUMNS = ("cookie", "kind", "optmem_bytes", "charge_bytes", "errqueue_depth", "candidates")
"""The columns that the counters are made from, in addition to time_ns."""


def meminfo_counters(chunk: Chunk, *, mark_enobufs: bool) -> list[Event]:
    """Counters of what the sender itself knows: SO_MEMINFO and its own count of sends without a completion."""
    events = []
    rows = zip(chunk.time_us("time_ns"), chunk.rows(*MEMINFO_COLUMNS), strict=True)
    for time_us, (channel, optmem, in_flight, reason) in rows:
        events.append(_counter(chunk.pid, channel, "optmem by SO_MEMINFO", "bytes", time_us, optmem))
        events.append(_counter(chunk.pid, channel, "in flight", "sends", time_us, in_flight))
        if mark_enobufs and reason == "enobufs":
            events.append(_enobufs(chunk.pid, channel, time_us, {"optmem_bytes": optmem}))
    return events


def kernel_counters(chunk: Chunk, channels: dict[int, int]) -> list[Event]:
    """Counters of depth and level after each event. A cookie that `channels` (cookie -> channel) lacks is added to
    it."""
    events = []
    for time_us, row in zip(chunk.time_us("time_ns"), chunk.rows(*KERNEL_COLUMNS), strict=True):
        cookie, kind, optmem, charge, depth, candidates = row
        channel = channels.setdefault(cookie, len(channels))
        if kind not in LEVEL_KINDS:
            continue
        level = optmem - (charge if kind in STILL_CHARGED else 0)
        events.append(_counter(chunk.pid, channel, "errqueue depth", "notifications", time_us, depth))
        events.append(_counter(chunk.pid, channel, "optmem", "bytes", time_us, level))
        if kind == "enobufs":
            arguments = {"optmem_bytes": optmem, "errqueue_depth": depth, "cause": cause_of(candidates)}
            events.append(_enobufs(chunk.pid, channel, time_us, arguments))
    return events


def _counter(pid: int, channel: int, what: str, unit: str, time_us: float, value: int) -> Event:
    """Viewers keep one counter per process and name, so the name includes the channel. Viewers add the unit
    themselves."""
    name = f"channel {channel} {what}"
    tid = thread_id(pid, channel, "sends")
    return {"ph": "C", "name": name, "pid": pid, "tid": tid, "ts": time_us, "args": {unit: value}}


def _enobufs(pid: int, channel: int, time_us: float, arguments: Event) -> Event:
    """A mark on the thread of the channel's sends."""
    return {
        "ph": "i",
        "s": "t",
        "cat": "enobufs",
        "name": "ENOBUFS",
        "pid": pid,
        "tid": thread_id(pid, channel, "sends"),
        "ts": time_us,
        "args": arguments,
    }
