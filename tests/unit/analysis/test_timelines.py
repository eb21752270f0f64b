# SPDX-License-Identifier: GPL-2.0-only
"""Quantities over a run's time, against the run's own counts and against slow counting by hand."""

import numpy as np
import pandas as pd
import pytest

from zcprobe.analysis.channels import channel_count, channel_numbers
from zcprobe.analysis.enobufs import df_enobufs
from zcprobe.analysis.errqueue import df_errqueue
from zcprobe.analysis.in_flight import IN_FLIGHT_DTYPES, df_in_flight
from zcprobe.analysis.optmem import OPTMEM_DTYPES, df_optmem, telling_channel
from zcprobe.analysis.ranges import RANGES_DTYPES, df_ranges
from zcprobe.analysis.send_rate import SEND_RATE_DTYPES, df_send_rate
from zcprobe.dataset.load import Comparison, Run


def _in_flight_by_hand(run: Run, channel: int) -> tuple[int, int]:
    """(highest, last) count of one channel, one event at a time."""
    sends, read = run.sends, run.notifications
    own = sends[(sends["channel"] == channel) & (sends["send_id"] >= 0)]
    steps = [(time, 0, 1) for time in (own["start_ns"] + own["latency_ns"])]
    covered = read[read["channel"] == channel]
    steps += [(row.time_ns, 1, row.lo - row.hi - 1) for row in covered.itertuples()]
    counts = np.cumsum([step for _, _, step in sorted(steps)])
    return int(counts.max()), int(counts[-1])


def test_in_flight_is_what_counting_by_hand_gives(run: Run) -> None:
    table = df_in_flight(run)
    assert table.dtypes.astype(str).to_dict() == IN_FLIGHT_DTYPES
    assert (table["low_count"] <= table["high_count"]).all()
    for channel in range(channel_count(run)):
        own = table[table["channel"] == channel]
        highest, last = _in_flight_by_hand(run, channel)
        assert own["high_count"].max() == highest
        assert own["low_count"].iloc[-1] <= last <= own["high_count"].iloc[-1]


def test_fewer_buckets_keep_the_extremes(run: Run) -> None:
    fine, coarse = df_in_flight(run, 5000), df_in_flight(run, 7)
    assert len(coarse) <= 7 * channel_count(run)
    assert coarse["high_count"].max() == fine["high_count"].max()
    assert coarse["low_count"].min() == fine["low_count"].min()


def test_ranges_cover_what_was_completed(run: Run) -> None:
    table = df_ranges(run)
    assert table.dtypes.astype(str).to_dict() == RANGES_DTYPES
    assert table["send_count"].sum() == run.sender.completions
    assert len(table) == run.sender.notifications
    for _, own in table.groupby("channel"):
        assert own["missing_count"].iloc[-1] == own["hi"].max() + 1 - own["send_count"].sum()


def test_holes_are_counted_as_by_hand(run: Run) -> None:
    for _, own in df_ranges(run).groupby("channel"):
        seen: set[int] = set()
        highest = -1
        for row in own.itertuples():
            assert row.distance == row.lo - highest - 1
            seen.update(range(row.lo, row.hi + 1))
            highest = max(highest, row.hi)
            assert row.missing_count == highest + 1 - len(seen)


def test_order_is_kept_where_nothing_is_held(shipped: dict[str, Comparison]) -> None:
    for run in shipped["in-order"]:
        assert set(df_ranges(run)["distance"]) == {0}
    assert (df_ranges(shipped["held-completions"].runs_of("qemu-merged")[0])["distance"] < 0).any()


def test_the_course_of_what_was_taken_adds_up(run: Run) -> None:
    table = df_send_rate(run, 50)
    assert table.dtypes.astype(str).to_dict() == SEND_RATE_DTYPES
    assert len(table) == 50
    assert (table["taken_bps"] * table["span_s"]).sum() / 8 == pytest.approx(int(run.sends["taken_bytes"].sum()))
    assert table["enobufs_count"].sum() == run.sender.enobufs_count
    assert table["send_count"].sum() == len(run.sends)


def test_headroom_and_level_are_the_limit(run: Run) -> None:
    table = df_optmem(run)
    assert table.dtypes.astype(str).to_dict() == OPTMEM_DTYPES
    assert (table["headroom_bytes"] + table["optmem_bytes"] == run.kernel.optmem_max_bytes).all()
    one = df_optmem(run, telling_channel(run))
    assert set(one["channel"]) == {telling_channel(run)}


def test_the_telling_channel_is_the_first_that_was_refused(shipped: dict[str, Comparison]) -> None:
    for comparison in shipped.values():
        for run in comparison:
            refused = df_enobufs(run)
            if len(refused):
                assert telling_channel(run) == refused.loc[refused["time_s"].idxmin(), "channel"]


def test_each_channel_has_a_timeline_of_its_own(shipped: dict[str, Comparison]) -> None:
    for run in shipped["channels"]:
        assert len(run.meta.cookies) == channel_count(run) > 1
        table = df_errqueue(run)
        for channel, cookie in enumerate(run.meta.cookies):
            events = run.kernel_events[run.kernel_events["cookie"] == cookie]
            events = events[events["kind"] != "closed"].sort_values("time_ns", kind="stable")
            own = table[(table["channel"] == channel) & (table["kind"] != "meminfo")]
            assert own["errqueue_depth"].tolist() == events["errqueue_depth"].tolist()
            samples = table[(table["channel"] == channel) & (table["kind"] == "meminfo")]
            assert len(samples) == (run.meminfo["channel"] == channel).sum()


def test_a_socket_that_is_none_of_the_run_has_no_channel(shipped: dict[str, Comparison]) -> None:
    run = shipped["channels"].runs[0]
    cookies = pd.Series([*run.meta.cookies, 1])
    assert channel_numbers(run, cookies).tolist() == [*range(channel_count(run)), -1]


def test_kinds_that_are_not_known_are_no_levels(shipped: dict[str, Comparison]) -> None:
    whole = shipped["held-completions"].runs[0]
    run = Run(whole.folder, whole.meta)
    strange = whole.kernel_events.head(3).assign(kind="of_tomorrow", optmem_bytes=2**30)
    run.__dict__["kernel_events"] = pd.concat([whole.kernel_events.astype({"kind": "object"}), strange])
    pd.testing.assert_frame_equal(df_errqueue(run), df_errqueue(whole))


def test_nothing_recorded_is_an_empty_table(empty_run: Run) -> None:
    for table, dtypes in (
        (df_in_flight(empty_run), IN_FLIGHT_DTYPES),
        (df_ranges(empty_run), RANGES_DTYPES),
        (df_send_rate(empty_run), SEND_RATE_DTYPES),
        (df_optmem(empty_run), OPTMEM_DTYPES),
    ):
        assert table.empty
        assert table.dtypes.astype(str).to_dict() == dtypes
    assert telling_channel(empty_run) == 0
