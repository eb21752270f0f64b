# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcprobe.native import lib
from zcprobe.native.structs import dtype_of
from zcprobe.recorder import spools
from zcprobe.recorder.totals import EventTotals, add_up_events, combine


def _write(path: Path, events: list[dict[str, int]]) -> Path:
    records = np.zeros(len(events), dtype_of("zc_kernel_event"))
    for record, event in zip(records, events, strict=True):
        for name, value in event.items():
            record[name] = value
    records.tofile(path)
    return path


def _totals(path: Path, events: list[dict[str, int]]) -> EventTotals:
    return add_up_events(_write(path, events), cookie=0, baseline_bytes=0, charge_bytes=832)


def _queue(codes: list[bool], cuts: list[bool]) -> list[dict[str, int]]:
    """Events of sends 0.. in order, each its own uarg: merged into the tail, or appended where `cuts` says."""
    events: list[dict[str, int]] = []
    first = 0
    for number, copied in enumerate(codes):
        if number and cuts[number]:
            events.append({"kind": lib.ZC_EVENT_READ, "lo": first, "hi": number - 1, "copied": codes[first]})
            first = number
        elif number:
            events.append({"kind": lib.ZC_EVENT_MERGED, "lo": number, "hi": number, "copied": copied})
    return [*events, {"kind": lib.ZC_EVENT_READ, "lo": first, "hi": len(codes) - 1, "copied": codes[first]}]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_true_copies_are_counted_whatever_merging_told_user_space(
    tmp_path_factory: pytest.TempPathFactory, sends: list[tuple[bool, bool]]
) -> None:
    codes, cuts = [code for code, _ in sends], [cut for _, cut in sends]
    totals = _totals(tmp_path_factory.mktemp("totals") / "events", _queue(codes, cuts))
    assert totals.true_copied_completions == sum(codes)
    assert totals.read_completions == len(codes)


def test_levels_causes_and_the_kernels_count(tmp_path: Path) -> None:
    full = {"kind": lib.ZC_EVENT_ENOBUFS, "optmem_bytes": 19968, "optmem_max_bytes": 20480, "errqueue_depth": 20}
    full["candidates"] = 1 << lib.ZC_CAUSE_OPTMEM
    events = [
        {
            "kind": lib.ZC_EVENT_APPENDED,
            "errqueue_depth": 20,
            "optmem_bytes": 19968,
            "stack_id": 4,
            "charge_bytes": 832,
        },
        {**full, "stack_id": -1},
        {"kind": lib.ZC_EVENT_CLOSED, "next_send_id": 24, "optmem_peak_bytes": 20800, "stack_id": -1},
    ]
    totals = _totals(tmp_path / "events", events)
    assert (totals.errqueue_depth_max, totals.optmem_peak_bytes, totals.optmem_max_bytes) == (20, 20800, 20480)
    assert totals.enobufs_causes == {"optmem": 1}
    assert totals.enobufs_unread_share == pytest.approx(20 / 24)
    assert (totals.sends, totals.stack_ids, totals.charge_bytes) == (24, [4], 832)


def test_no_events_are_no_totals(tmp_path: Path) -> None:
    totals = _totals(tmp_path / "events", [])
    assert totals == EventTotals()
    assert totals.enobufs_unread_share is None


def test_chunks_add_up_to_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = [bool(number % 3) for number in range(50)]
    path = _write(tmp_path / "events", _queue(codes, [number % 7 == 0 for number in range(50)]))
    whole = add_up_events(path, 0, 0, 832)
    monkeypatch.setattr(spools, "_CHUNK_RECORDS", 4)
    assert add_up_events(path, 0, 0, 832) == whole


def test_events_of_other_sockets_do_not_count(tmp_path: Path) -> None:
    foreign = {"kind": lib.ZC_EVENT_READ, "cookie": 9, "lo": 0, "hi": 6, "errqueue_depth": 3}
    assert _totals(tmp_path / "events", [foreign]) == EventTotals()


def test_totals_of_sockets_are_sums_and_highest_levels() -> None:
    first = EventTotals(
        events=3,
        read_completions=5,
        enobufs=2,
        enobufs_causes={"optmem": 2},
        enobufs_unread_bytes=10,
        errqueue_depth_max=7,
        optmem_peak_bytes=100,
        charge_bytes=832,
        sends=5,
        stack_ids=[4, 1],
    )
    second = EventTotals(
        events=4,
        read_completions=6,
        enobufs=1,
        enobufs_causes={"memlock": 1},
        enobufs_in_flight_bytes=30,
        errqueue_depth_max=2,
        optmem_peak_bytes=300,
        charge_bytes=832,
        sends=6,
        stack_ids=[1, 9],
    )
    both = combine([first, second])
    assert both == combine([second, first])
    assert (both.events, both.read_completions, both.enobufs, both.sends) == (7, 11, 3, 11)
    assert (both.errqueue_depth_max, both.optmem_peak_bytes, both.charge_bytes) == (7, 300, 832)
    assert both.enobufs_causes == {"optmem": 2, "memlock": 1}
    assert both.enobufs_unread_share == pytest.approx(0.25)
    assert both.stack_ids == [1, 4, 9]


def test_totals_of_one_socket_are_its_own_and_sockets_not_seen_closed_have_no_count() -> None:
    one = EventTotals(events=3, sends=5, enobufs_causes={"optmem": 1}, stack_ids=[2])
    assert combine([one]) == one
    assert combine([]) == EventTotals()
    assert combine([EventTotals(), EventTotals()]).sends is None
    assert combine([EventTotals(), one]).sends == 5


def test_combining_leaves_the_parts_alone() -> None:
    parts = [EventTotals(stack_ids=[1], enobufs_causes={"optmem": 1}) for _ in range(2)]
    combine(parts)
    assert parts == [EventTotals(stack_ids=[1], enobufs_causes={"optmem": 1}) for _ in range(2)]
    assert EventTotals().stack_ids == []
