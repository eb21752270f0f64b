# SPDX-License-Identifier: GPL-2.0-only
"""Trace slices for everything that takes time: sends, flushes, stalls, rounds and requests."""

from collections.abc import Callable
from typing import Any

import msgspec

from zcprobe.export.trace_chunk import Chunk, Event, thread_id

__all__ = ["LENGTHS", "SLICED_TABLES", "table_slices"]


class _Slices(msgspec.Struct, frozen=True):
    """How a table's rows become slices. `length` is its column of lengths. `describe` makes (category, name, arguments)
    from `columns`."""

    length: str
    columns: tuple[str, ...]
    describe: Callable[..., tuple[str, str, Event]]


def _send(
    send_id: int, taken: int, attempts: int, enobufs: int, zerocopy: bool, on_purpose: bool, error: int
) -> tuple[str, str, Event]:
    name = "send" if zerocopy else "plain send"
    if on_purpose:
        name = "send copied on purpose"
    if error:
        name = f"send failed: errno {error}"
    return "send", name, {"send_id": send_id, "bytes": taken, "attempts": attempts, "ENOBUFS": enobufs}


def _flush(trigger: str, blocking: bool, notifications: int, completions: int, waits: int) -> tuple[str, str, Event]:
    arguments = {"blocking": blocking, "notifications": notifications, "completions": completions, "waits": waits}
    return "flush", f"flush: {trigger}", arguments


def _stall(enobufs: int, notifications: int, completions: int) -> tuple[str, str, Event]:
    return "stall", "stall", {"ENOBUFS": enobufs, "notifications": notifications, "completions": completions}


def _round(number: int, is_final: bool, count: int) -> tuple[str, str, Event]:
    return "round", f"round {number}, downtime" if is_final else f"round {number}", {"bytes": count}


def _request(count: int, zerocopy: bool) -> tuple[str, str, Event]:
    return "request", "request", {"bytes": count, "zerocopy": zerocopy}


_TABLES = {
    "sends": _Slices(
        "latency_ns",
        ("send_id", "taken_bytes", "attempt_count", "enobufs_count", "zerocopy", "copied_on_purpose", "error"),
        _send,
    ),
    "flushes": _Slices(
        "duration_ns", ("trigger", "blocking", "notification_count", "completion_count", "wait_count"), _flush
    ),
    "stalls": _Slices("duration_ns", ("enobufs_count", "notification_count", "completion_count"), _stall),
    "rounds": _Slices("duration_ns", ("round", "is_final", "bytes"), _round),
    "requests": _Slices("latency_ns", ("bytes", "zerocopy"), _request),
}

SLICED_TABLES = {table: ["channel", "start_ns", how.length, *how.columns] for table, how in _TABLES.items()}
"""Table -> the columns that its slices are made from."""

LENGTHS = {table: how.length for table, how in _TABLES.items()}
"""Table -> the column that says how long a slice is, in ns."""


def table_slices(table: str, chunk: Chunk) -> list[Event]:
    """A slice (`X`, with a beginning and a length) for each row, on the channel's thread for this table."""
    how = _TABLES[table]
    times = zip(chunk.time_us("start_ns"), chunk.length_us(how.length), strict=True)
    rows = zip(chunk.rows("channel"), times, chunk.rows(*how.columns), strict=True)
    return [
        _slice(chunk.pid, thread_id(chunk.pid, channel, table), time, how.describe(*row))
        for (channel,), time, row in rows
    ]


def _slice(pid: int, tid: int, time: tuple[float, float], described: tuple[str, str, Any]) -> Event:
    category, name, arguments = described
    start, length = time
    return {
        "ph": "X",
        "cat": category,
        "name": name,
        "pid": pid,
        "tid": tid,
        "ts": start,
        "dur": length,
        "args": arguments,
    }
