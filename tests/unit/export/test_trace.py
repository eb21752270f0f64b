# SPDX-License-Identifier: GPL-2.0-only
"""The rules that timeline viewers rely on, and every count against the tables."""

import io
import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.unit.changed import run_with, store_metadata
from zcprobe.analysis.errqueue import df_errqueue
from zcprobe.dataset.load import Comparison, Run, load_run
from zcprobe.export.trace import write_trace

Event = dict[str, Any]

_ROUNDING_US = 1e-3


def _trace(runs: list[Run]) -> dict[str, Any]:
    file = io.BytesIO()
    write_trace(runs, file)
    content: dict[str, Any] = json.loads(file.getvalue())
    return content


def _check_schema(events: list[Event]) -> None:
    for event in events:
        assert event["ph"] in "MXBECi"
        assert isinstance(event["name"], str)
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert isinstance(event["ts"], int | float)
        assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] >= 0


def _check_balance(events: list[Event]) -> None:
    """Begins and ends pair up per thread, and slices of a thread nest or follow each other."""
    open_slices: dict[tuple[int, int], list[str]] = defaultdict(list)
    for event in events:
        thread = (event["pid"], event["tid"])
        if event["ph"] == "B":
            open_slices[thread].append(event["name"])
        elif event["ph"] == "E":
            assert open_slices[thread].pop() == event["name"]
    assert not any(open_slices.values())
    slices = [event for event in events if event["ph"] == "X"]
    for thread in {(event["pid"], event["tid"]) for event in slices}:
        own = sorted((e["ts"], e["ts"] + e["dur"]) for e in slices if (e["pid"], e["tid"]) == thread)
        for (_, end), (start, _) in pairwise(own):
            assert start >= end - _ROUNDING_US


def _counters(events: list[Event]) -> dict[tuple[int, str], list[Event]]:
    found = defaultdict(list)
    for event in events:
        if event["ph"] == "C":
            found[event["pid"], event["name"]].append(event)
    return found


def _check_counters(events: list[Event]) -> None:
    for track in _counters(events).values():
        times = [event["ts"] for event in track]
        assert times == sorted(times)
        assert all(value >= 0 for event in track for value in event["args"].values())


def test_every_run_follows_the_rules(run: Run) -> None:
    events = _trace([run])["traceEvents"]
    _check_schema(events)
    _check_balance(events)
    _check_counters(events)


def test_every_record_is_there_once(run: Run) -> None:
    events = _trace([run])["traceEvents"]
    categories = Counter(event["cat"] for event in events if event["ph"] in "Xi")
    assert categories["send"] == len(run.sends)
    assert categories["stall"] == run.sender.stall_count
    assert categories["flush"] == len(run.flushes)
    assert categories["enobufs"] == run.sender.enobufs_count
    total_us = sum(event["dur"] for event in events if event.get("cat") == "send")
    assert total_us == pytest.approx(run.sends["latency_ns"].sum() / 1e3)
    sampled = _counters(events)[1000, "channel 0 optmem by SO_MEMINFO"]
    own = run.meminfo[run.meminfo["channel"] == 0]
    assert [event["args"]["bytes"] for event in sampled] == list(own["optmem_bytes"])


def test_counters_have_the_levels_of_the_analysis(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs_of("qemu-merged")[0]
    counters = _counters(_trace([run])["traceEvents"])
    levels = df_errqueue(run)
    levels = levels[levels["kind"] != "meminfo"]
    optmem = [event["args"]["bytes"] for event in counters[1000, "channel 0 optmem"]]
    depth = [event["args"]["notifications"] for event in counters[1000, "channel 0 errqueue depth"]]
    assert optmem == list(levels["optmem_bytes"])
    assert depth == list(levels["errqueue_depth"])
    assert max(optmem) == run.kernel.optmem_peak_bytes


def test_the_run_lasts_as_long_as_its_summary_says(run: Run) -> None:
    events = _trace([run])["traceEvents"]
    begin, end = (next(event for event in events if event["ph"] == phase) for phase in "BE")
    assert end["ts"] - begin["ts"] == pytest.approx(run.sender.duration_ns / 1e3)
    assert run.sender.outcome in begin["name"]


def test_runs_are_processes_of_their_own(shipped: dict[str, Comparison]) -> None:
    runs = shipped["held-completions"].runs
    content = _trace(runs)
    names = [event["args"]["name"] for event in content["traceEvents"] if event["name"] == "process_name"]
    assert [name.split()[0] for name in names] == [run.policy for run in runs]
    told = content["otherData"][runs[0].folder.name]["summary"]
    assert told == msgspec.to_builtins(runs[0].kernel) | msgspec.to_builtins(runs[0].sender)
    processes = defaultdict(set)
    for event in content["traceEvents"]:
        processes[event["tid"]].add(event["pid"])
    # a thread belongs to one process, else viewers put its slices on the wrong one
    assert all(len(pids) == 1 for pids in processes.values())
    assert len(set.union(*processes.values())) == len(runs)
    assert {event["tid"] for event in content["traceEvents"] if event["ph"] in "BE"} == set.union(*processes.values())


def test_two_channels_have_threads_and_counters_of_their_own(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    """A second channel made from the records of the first: later, out of order, with its own cookie."""
    whole = shipped["held-completions"].runs_of("qemu-pre")[0]
    for name in ("sends", "flushes", "meminfo"):
        table = pd.read_parquet(whole.folder / f"{name}.parquet")
        pd.concat([table, table.assign(channel=np.uint16(1))]).to_parquet(tmp_path / f"{name}.parquet")
    events = pd.read_parquet(whole.folder / "kernel_events.parquet")
    other = events.assign(cookie=23, time_ns=events["time_ns"] + 1009)
    pd.concat([other, events]).to_parquet(tmp_path / "kernel_events.parquet")
    cookies = [int(events["cookie"].iloc[0]), 23]
    both = run_with(whole, tmp_path, channels=whole.meta.channels * 2, cookies=cookies)
    trace = _trace([both])["traceEvents"]
    _check_schema(trace)
    _check_balance(trace)
    _check_counters(trace)
    counters = _counters(trace)
    for what in ("errqueue depth", "optmem", "optmem by SO_MEMINFO"):
        first, second = ([event["args"] for event in counters[1000, f"channel {channel} {what}"]] for channel in (0, 1))
        assert first == second
        assert first


def test_events_out_of_order_by_little_are_put_in_order_across_chunks(
    shipped: dict[str, Comparison], tmp_path: Path
) -> None:
    whole = shipped["in-order"].runs[0]
    events = pd.read_parquet(whole.folder / "kernel_events.parquet").head(100)
    many = pd.concat([events] * 2003, ignore_index=True)
    many["time_ns"] = events["time_ns"].iloc[0] + np.arange(len(many)) ^ 1
    many["kind"] = "appended"
    many.to_parquet(tmp_path / "kernel_events.parquet")
    assert not many["time_ns"].is_monotonic_increasing
    trace = _trace([Run(tmp_path, whole.meta)])["traceEvents"]
    _check_counters(trace)
    assert sum(event["ph"] == "C" for event in trace) == 2 * len(many)


def test_a_window_has_what_lies_in_it_and_no_more(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs_of("qemu-merged")[0]
    whole = _trace([run])["traceEvents"]
    stall = next(event for event in whole if event.get("cat") == "stall")
    begin, end = stall["ts"] + 1009, stall["ts"] + 2003
    file = io.BytesIO()
    write_trace([run], file, (begin / 1e6, end / 1e6))
    part = json.loads(file.getvalue())["traceEvents"]
    kept = [
        event
        for event in whole
        if event["ph"] in "MBE" or (event["ts"] < end and event["ts"] + event.get("dur", 0) >= begin)
    ]
    assert part == kept
    # a stall that lasts beyond the window on both sides is in it, and so is the send that waits for it
    assert stall in part
    assert {event["ph"] for event in part} == set("MBEXC")


def test_a_run_of_today_is_a_trace_with_the_cause_of_each_enobufs(current_run: Run) -> None:
    marks = [event["args"]["cause"] for event in _trace([current_run])["traceEvents"] if event["name"] == "ENOBUFS"]
    assert Counter(marks) == {cause: n for cause, n in current_run.kernel.enobufs_causes.items() if n}


def test_a_run_without_tables_is_still_a_trace(empty_run: Run) -> None:
    events = _trace([empty_run])["traceEvents"]
    assert {event["ph"] for event in events} == {"M"}


@pytest.mark.parametrize("kind", ["appended", "merged", "read", "purged", "discarded", "refused", "closed", "sent"])
def test_trace_and_figure_have_one_level_for_every_kind(
    kind: str, shipped: dict[str, Comparison], tmp_path: Path
) -> None:
    whole = shipped["held-completions"].runs_of("qemu-merged")[0]
    events = pd.read_parquet(whole.folder / "kernel_events.parquet").head(23)
    events.assign(kind=kind, charge_bytes=np.uint32(832)).to_parquet(tmp_path / "kernel_events.parquet")
    run = Run(tmp_path, whole.meta)
    levels = [event["args"]["bytes"] for event in _counters(_trace([run])["traceEvents"])[1000, "channel 0 optmem"]]
    assert levels == list(df_errqueue(run)["optmem_bytes"])
    assert bool(levels) == (kind not in ("closed", "sent"))


def test_a_host_that_has_run_for_a_year_has_a_trace(current_run: Run) -> None:
    """Its clock has more ns than a float can distinguish."""
    before = _trace([current_run])["traceEvents"]
    for path in current_run.folder.glob("*.parquet"):
        table = pq.read_table(path)
        clock = "time_ns" if "time_ns" in table.column_names else "start_ns"
        later = pc.add(table[clock], 366 * 86400 * 10**9)
        pq.write_table(table.set_column(table.column_names.index(clock), clock, later), path)
    store_metadata(current_run.folder, current_run.meta)
    assert _trace([load_run(current_run.folder)])["traceEvents"] == before
