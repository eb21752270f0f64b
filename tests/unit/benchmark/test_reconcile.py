# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import msgspec
import numpy as np

from zcprobe.benchmark.reconcile import reconcile_probes, reconcile_sender, reconcile_sink
from zcprobe.format.findings import Finding
from zcprobe.native import ffi
from zcprobe.native.structs import dtype_of, struct_to_dict
from zcprobe.recorder.totals import EventTotals
from zcprobe.wire import ChannelReport, SinkReport


def _report(**changes: int) -> ChannelReport:
    result = struct_to_dict(ffi.new("struct zc_result *"))
    result |= {
        "send_count": 3,
        "completion_count": 3,
        "notification_count": 2,
        "bytes_sent": 30,
        "optmem_peak_bytes": 832,
    }
    return ChannelReport("completed", result | changes, 0, SinkReport(bytes=30, start_ns=0, end_ns=1))


def _of_sink(report: ChannelReport, *, is_datagram: bool = False, overwrites: bool = False) -> list[str]:
    return _broken(reconcile_sink(report, is_datagram=is_datagram, overwrites=overwrites))


def _spools(folder: Path, ranges: list[tuple[int, int]], ids: list[int]) -> tuple[Path, Path]:
    notifications = np.zeros(len(ranges), dtype_of("zc_notification_record"))
    notifications["lo"], notifications["hi"] = zip(*ranges, strict=True)
    notifications.tofile(folder / "notifications")
    sends = np.zeros(len(ids), dtype_of("zc_send_record"))
    sends["send_id"] = ids
    sends.tofile(folder / "sends")
    return folder / "notifications", folder / "sends"


def _broken(findings: list[Finding]) -> list[str]:
    return [finding.what for finding in findings if not finding.holds]


def test_what_fits_holds(tmp_path: Path) -> None:
    assert _broken(reconcile_sender(_report(), *_spools(tmp_path, [(2, 2), (0, 1)], [0, 1, 2]))) == []
    assert _of_sink(_report()) == []
    totals = EventTotals(read_completions=3, read_notifications=2, sends=3, optmem_peak_bytes=832, charge_bytes=832)
    assert _broken(reconcile_probes(_report(), totals, 832, is_tcp=True)) == []


def test_a_hole_and_an_overlap_show(tmp_path: Path) -> None:
    findings = reconcile_sender(_report(), *_spools(tmp_path, [(0, 1), (1, 1)], [0, 1, 2]))
    assert _broken(findings) == ["overlaps between notification ranges"]


def test_a_send_without_record_shows(tmp_path: Path) -> None:
    findings = reconcile_sender(_report(), *_spools(tmp_path, [(0, 2)], [0, 1, 2**64 - 1]))
    assert _broken(findings) == ["sends = zerocopy sends recorded"]


def test_lost_records_show() -> None:
    report = msgspec.structs.replace(_report(), lost_records=5)
    assert _broken(reconcile_sender(report, None, None)) == ["lost records"]
    assert {finding.kind for finding in reconcile_sender(report, None, None) if not finding.holds} == {"lost"}


def test_lost_and_changed_bytes_show() -> None:
    report = msgspec.structs.replace(_report(), sink=SinkReport(bytes=29, first_mismatch=11, start_ns=0, end_ns=1))
    assert len(_of_sink(report)) == 2


def test_datagrams_may_be_lost_but_not_grow_or_change() -> None:
    lost = msgspec.structs.replace(_report(), sink=SinkReport(bytes=29))
    grown = msgspec.structs.replace(_report(), sink=SinkReport(bytes=31, first_mismatch=3))
    assert _of_sink(lost, is_datagram=True) == []
    assert len(_of_sink(grown, is_datagram=True)) == 2


def test_content_that_was_overwritten_on_purpose_is_a_result_but_its_length_is_not() -> None:
    changed = msgspec.structs.replace(_report(), sink=SinkReport(bytes=30, first_mismatch=3))
    short = msgspec.structs.replace(_report(), sink=SinkReport(bytes=29, first_mismatch=3))
    assert _of_sink(changed, overwrites=True) == []
    assert _of_sink(short, overwrites=True) == ["bytes sent = bytes at the sink"]


def test_a_sink_that_says_nothing_is_nothing_to_compare_with() -> None:
    assert reconcile_sink(msgspec.structs.replace(_report(), sink=None), is_datagram=False, overwrites=False) == []


def test_every_difference_to_the_probes_shows() -> None:
    totals = EventTotals(
        read_completions=2, read_notifications=1, sends=4, enobufs=1, optmem_peak_bytes=831, charge_bytes=768
    )
    assert len(_broken(reconcile_probes(_report(), totals, 832, is_tcp=True))) == 6


def test_a_tcp_socket_that_nobody_saw_closed_shows() -> None:
    totals = EventTotals(read_completions=3, read_notifications=2)
    assert _broken(reconcile_probes(_report(), totals, 832, is_tcp=True)) == ["sockets seen closed"]
    assert _broken(reconcile_probes(_report(), totals, 832, is_tcp=False)) == []
