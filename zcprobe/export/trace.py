# SPDX-License-Identifier: GPL-2.0-only
"""Writes runs as Chrome trace events, the JSON that timeline viewers (ui.perfetto.dev, chrome://tracing) open.

A run is a process, so that runs lie below each other, and each begins at 0. A channel has one thread for each kind of
record that the run has: sends, flushes, stalls, rounds and requests. Times are µs since the run's first record.
"""

from collections.abc import Iterator
from math import inf
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from zcprobe.dataset.load import Run
from zcprobe.dataset.results import results_of
from zcprobe.errors import UsageError
from zcprobe.export.tables import iterate_batches
from zcprobe.export.trace_chunk import THREAD_KINDS, Chunk, Event, process_id, thread_id
from zcprobe.export.trace_counters import KERNEL_COLUMNS, MEMINFO_COLUMNS, kernel_counters, meminfo_counters
from zcprobe.export.trace_slices import LENGTHS, SLICED_TABLES, table_slices

__all__ = ["EVERYTHING", "Window", "iterate_events", "require_within", "write_trace"]

Window = tuple[float, float]
"""The beginning and the end of a span, in seconds since a run's first record."""

EVERYTHING: Window = (0.0, inf)

_CLOCKS = {**dict.fromkeys(SLICED_TABLES, "start_ns"), "meminfo": "time_ns", "kernel_events": "time_ns"}
"""Table -> the column that has the time of a row."""

_END_OF_TIME_NS = 2**63 - 1

_REORDERED_ROWS = 1 << 14
"""Events of different CPUs reach the ring buffer a little out of order, by far less than this many rows."""


def write_trace(runs: list[Run], file: BinaryIO, window: Window = EVERYTHING) -> None:
    """Writes one JSON object, in chunks, so that memory does not grow with the runs. Everything outside `window` is
    left out, because viewers hold a trace in memory, and few can hold that of a long run."""
    encoder = msgspec.json.Encoder()
    facts = {run.name: _facts(run) for run in runs}
    file.write(b'{"displayTimeUnit":"ms","otherData":' + encoder.encode(facts) + b',"traceEvents":[\n')
    separator = b""
    for events in iterate_events(runs, window):
        if events:
            file.write(separator + b",\n".join(map(encoder.encode, events)))
            separator = b",\n"
    file.write(b"\n]}\n")


def require_within(runs: list[Run], window: Window) -> None:
    """Raises UsageError when `window` begins after the last record of every run, because the trace would be empty."""
    if window == EVERYTHING:
        return
    lengths_s = [_length_s(run) for run in runs]
    if window[0] > max(lengths_s, default=0.0):
        raise UsageError(
            f"nothing was recorded from {window[0]:g} s on: the records of these runs end after {max(lengths_s):.3f} s",
            "give a span that begins earlier",
        )


def _length_s(run: Run) -> float:
    """The time from the first record of the run to the end of its last."""
    first_ns, last_ns = _earliest_ns(run, _CLOCKS), 0
    for table, clock in _CLOCKS.items():
        length = LENGTHS.get(table)
        for batch in iterate_batches(run, table, [clock, *([length] if length else [])]):
            ends = batch.column(clock) if length is None else pc.add(batch.column(clock), batch.column(length))
            last_ns = max(last_ns, pc.max(ends).as_py() or 0)
    return 0.0 if first_ns is None else (last_ns - first_ns) / 1e9


def iterate_events(runs: list[Run], window: Window = EVERYTHING) -> Iterator[list[Event]]:
    """Yields chunks of trace events, with `ts` and `dur` in µs. The events of each counter are in time order."""
    for index, run in enumerate(runs):
        pid = process_id(index)
        origin_ns = _earliest_ns(run, _CLOCKS) or 0
        bounds_ns = _bounds_ns(origin_ns, window)
        yield [*_names(run, pid), *_phases(run, pid, origin_ns)]
        for table, columns in SLICED_TABLES.items():
            for batch in _within(iterate_batches(run, table, columns), bounds_ns, "start_ns", LENGTHS[table]):
                yield table_slices(table, Chunk(batch, pid, origin_ns))
        has_probes = bool(run.meta.probes)
        for batch in _within(iterate_batches(run, "meminfo", ["time_ns", *MEMINFO_COLUMNS]), bounds_ns, "time_ns"):
            yield meminfo_counters(Chunk(batch, pid, origin_ns), mark_enobufs=not has_probes)
        channels = {cookie: channel for channel, cookie in enumerate(run.meta.cookies)}
        events = iterate_batches(run, "kernel_events", ["time_ns", *KERNEL_COLUMNS])
        for batch in _in_time_order(_within(events, bounds_ns, "time_ns")):
            yield kernel_counters(Chunk(batch, pid, origin_ns), channels)


def _bounds_ns(origin_ns: int, window: Window) -> tuple[int, int]:
    """The ends of `window` in ns of CLOCK_MONOTONIC. They are whole numbers, because a float cannot represent every ns
    of a clock that has run for 104 days."""
    begin, end = (origin_ns + round(at * 1e9) if at < _END_OF_TIME_NS / 1e9 else _END_OF_TIME_NS for at in window)
    return min(begin, _END_OF_TIME_NS), min(end, _END_OF_TIME_NS)


def _within(batches: Iterator[Any], bounds_ns: tuple[int, int], clock: str, length: str | None = None) -> Iterator[Any]:
    """The rows that overlap the bounds: they begin before the end of the bounds, and do not end before its
    beginning."""
    for batch in batches:
        start = batch.column(clock)
        end = start if length is None else pc.add(start, batch.column(length))
        yield batch.filter(pc.and_(pc.less(start, bounds_ns[1]), pc.greater_equal(end, bounds_ns[0])))


def _facts(run: Run) -> dict[str, Any]:
    return {
        "integrity": run.integrity,
        "scenario": run.scenario,
        "policy": run.policy,
        "kernel": run.meta.host.kernel_release,
        "options": {name: value for name, value in run.options.items() if value is not None},
        "impairment": run.meta.lab.impairment or {},
        "summary": results_of(run.meta),
    }


def _earliest_ns(run: Run, clocks: dict[str, str]) -> int | None:
    times = (
        pc.min(batch.column(clock)).as_py()
        for table, clock in clocks.items()
        for batch in iterate_batches(run, table, [clock])
        if len(batch)
    )
    return min(times, default=None)


def _names(run: Run, pid: int) -> list[Event]:
    def name(what: str, tid: int, **arguments: Any) -> Event:
        return {"ph": "M", "name": what, "pid": pid, "tid": tid, "ts": 0, "args": arguments}

    limit = f"optmem_max {run.kernel.optmem_max_bytes} bytes"
    kinds = [kind for kind in THREAD_KINDS if (run.folder / f"{kind}.parquet").exists()]
    channels = range(len(run.meta.channels))
    return [
        name("process_name", pid, name=f"{run.policy} in {run.scenario} ({run.name})"),
        name("process_labels", pid, labels=f"{run.sender.outcome}, {limit}"),
        name("process_sort_index", pid, sort_index=pid),
        name("thread_name", pid, name="run"),
        *(
            name("thread_name", thread_id(pid, channel, kind), name=f"channel {channel} {kind}")
            for channel in channels
            for kind in kinds
        ),
    ]


def _phases(run: Run, pid: int, origin_ns: int) -> list[Event]:
    """A slice from the run's first send to its outcome. Without recorded sends there is none, because the beginning is
    not known."""
    start_ns = _earliest_ns(run, {"sends": "start_ns"})
    if start_ns is None:
        return []
    start_us = (start_ns - origin_ns) / 1e3
    common = {"name": f"run: {run.sender.outcome}", "cat": "run", "pid": pid, "tid": pid}
    return [
        {"ph": "B", "ts": start_us, "args": {"error": run.sender.error}, **common},
        {"ph": "E", "ts": start_us + run.sender.duration_ns / 1e3, **common},
    ]


def _in_time_order(batches: Iterator[Any]) -> Iterator[Any]:
    """The same rows in the order of time_ns. Only the last `_REORDERED_ROWS` rows are held back."""
    held = None
    for batch in batches:
        if not len(batch):
            continue
        both = pa.Table.from_batches([batch] if held is None else [held, batch]).sort_by("time_ns").combine_chunks()
        ready = max(len(both) - _REORDERED_ROWS, 0)
        yield from both.slice(0, ready).to_batches()
        held = both.slice(ready).to_batches()[0]
    if held is not None:
        yield held
