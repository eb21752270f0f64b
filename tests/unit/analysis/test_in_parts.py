# SPDX-License-Identifier: GPL-2.0-only
"""Reading a run in many small parts gives the same tables as reading it at once."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from zcprobe.analysis import completions, errqueue, in_flight, ranges
from zcprobe.analysis.completion_latency import df_completion_latency
from zcprobe.analysis.enobufs import df_enobufs, enobufs_moments, first_enobufs, first_rows
from zcprobe.analysis.errqueue import df_errqueue
from zcprobe.analysis.in_flight import df_in_flight
from zcprobe.analysis.late_completions import df_late_completions
from zcprobe.analysis.optmem import telling_channel
from zcprobe.analysis.ranges import df_ranges
from zcprobe.analysis.stalls import df_stalls, stall_spans
from zcprobe.dataset import run as dataset_run
from zcprobe.dataset.load import Comparison, Run

_GROUP_ROWS = 61
_PART_ROWS = 150


@pytest.fixture(params=["held-completions", "channels"])
def whole(request: pytest.FixtureRequest, shipped: dict[str, Comparison]) -> Run:
    return shipped[request.param].runs_of("qemu-merged")[0]


@pytest.fixture
def parted(whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    shutil.copy(whole.folder / "stacks.json", tmp_path)
    for path in whole.folder.glob("*.parquet"):
        pq.write_table(pq.read_table(path), tmp_path / path.name, row_group_size=_GROUP_ROWS)
    for module in (completions, errqueue, in_flight):
        monkeypatch.setattr(module, "_SPAN_ROWS", _PART_ROWS)
    monkeypatch.setattr(ranges, "_PART_ROWS", _PART_ROWS)
    spans = Run.spans
    monkeypatch.setattr(dataset_run.Run, "spans", lambda run, tables, rows=_PART_ROWS: spans(run, tables, rows))
    return Run(tmp_path, whole.meta)


@pytest.mark.parametrize(
    "table_of", [df_errqueue, df_in_flight, df_completion_latency, df_late_completions, df_ranges, df_enobufs]
)
def test_parts_are_the_whole(table_of: Callable[[Run], pd.DataFrame], whole: Run, parted: Run) -> None:
    assert len(parted.spans(("sends", "notifications"))) > 10
    pd.testing.assert_frame_equal(table_of(parted), table_of(whole))


def test_the_telling_channel_and_the_first_enobufs_are_found_in_parts(whole: Run, parted: Run) -> None:
    refused = df_enobufs(whole)
    assert telling_channel(parted) == telling_channel(whole)
    assert list(first_rows(parted, 3)["time_s"]) == list(refused["time_s"].head(3))
    first = first_enobufs(parted)
    assert (first is None) == refused.empty
    assert first is None or first["time_s"] == refused["time_s"].iloc[0]


def test_spans_hold_every_row_once(whole: Run, parted: Run) -> None:
    for table in ("sends", "meminfo"):
        rows = pd.concat([parted.read(table, where=where) for where in parted.spans((table,))])
        assert len(rows) == len(whole.read(table))
        clock = "start_ns" if table == "sends" else "time_ns"
        assert sorted(rows[clock]) == sorted(whole.read(table)[clock])


def test_a_thinned_timeline_keeps_ends_and_extremes_of_each_span(parted: Run) -> None:
    every = df_errqueue(parted)
    edges = np.linspace(0, float(every["time_s"].max()), 8)
    kept = df_errqueue(parted, edges)
    channels = every["channel"].nunique()
    assert len(kept) <= 6 * (len(edges) + 1) * channels < len(every)
    for (channel, _), own in every.groupby(["channel", np.searchsorted(edges, every["time_s"])]):
        between = kept[(kept["channel"] == channel) & kept["time_s"].between(own["time_s"].min(), own["time_s"].max())]
        for name in ("optmem_bytes", "errqueue_depth"):
            if own[name].notna().all():
                assert (between[name].min(), between[name].max()) == (own[name].min(), own[name].max())
    assert kept["time_s"].iloc[-1] == every["time_s"].iloc[-1]


def test_marks_stand_where_something_happened(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs_of("qemu-shipped")[0]
    times = df_enobufs(run)["time_s"].to_numpy()
    end_s = float(times.max()) * 1.1
    assert enobufs_moments(run, end_s, cells=10**6).tolist() == times.tolist()
    few = enobufs_moments(run, end_s, cells=3)
    assert few.tolist() == [
        times[(times * 3 / end_s).astype(int) == cell][0] for cell in sorted(set((times * 3 / end_s).astype(int)))
    ]
    assert enobufs_moments(run, end_s, channel=7).tolist() == []


def test_spans_of_many_stalls_cover_the_same_time(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs_of("qemu-merged")[0]
    stalls = df_stalls(run)
    end_s = float(stalls["time_s"].max()) * 1.5
    assert len(stall_spans(run, end_s)) == len(stalls)
    merged = stall_spans(run, end_s, cells=len(stalls) - 1)
    assert 0 < len(merged) < len(stalls)
    for begin, length in stall_spans(run, end_s):
        assert any(
            start <= begin and begin + min(length, end_s - begin) <= start + size + 1e-9 for start, size in merged
        )
