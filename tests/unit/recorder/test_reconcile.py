from pathlib import Path

import msgspec
import numpy as np

from zcprobe.native import ffi
from zcprobe.native.structs import dtype_of, struct_to_dict
from zcprobe.recorder.reconcile import Finding, reconcile_probes, reconcile_sender, reconcile_sink
from zcprobe.recorder.totals import EventTotals
from zcprobe.sender import SenderReport
from zcprobe.sink import SinkReport


def _report(**changes: int) -> SenderReport:
    result = struct_to_dict(ffi.new("struct zc_result *"))
    result |= {
        "send_count": 3,
        "completion_count": 3,
        "notification_count": 2,
        "bytes_sent": 30,
        "optmem_peak_bytes": 832,
    }
    return SenderReport("completed", result | changes, [3, 2, 1, 1], [0, 0, 0, 0], SinkReport(30, None, 0, 1))


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
    assert _broken(reconcile_sink(_report())) == []
    totals = EventTotals(read_completions=3, read_notifications=2, sends=3, optmem_peak_bytes=832, charge_bytes=832)
    assert _broken(reconcile_probes(_report(), totals, 0, 832)) == []


def test_a_hole_and_an_overlap_show(tmp_path: Path) -> None:
    findings = reconcile_sender(_report(), *_spools(tmp_path, [(0, 1), (1, 1)], [0, 1, 2]))
    assert _broken(findings) == ["overlaps between notification ranges"]


def test_a_send_without_record_shows(tmp_path: Path) -> None:
    findings = reconcile_sender(_report(), *_spools(tmp_path, [(0, 2)], [0, 1, 2**64 - 1]))
    assert _broken(findings) == ["sends = zerocopy sends recorded"]


def test_lost_records_show() -> None:
    report = msgspec.structs.replace(_report(), lost_record_counts=[5, 0, 0, 0])
    assert _broken(reconcile_sender(report, None, None)) == ["lost records"]


def test_lost_and_changed_bytes_show() -> None:
    report = msgspec.structs.replace(_report(), sink=SinkReport(29, 11, 0, 1))
    assert len(_broken(reconcile_sink(report))) == 2


def test_every_difference_to_the_probes_shows() -> None:
    totals = EventTotals(
        read_completions=2, read_notifications=1, sends=4, enobufs=1, optmem_peak_bytes=831, charge_bytes=768
    )
    assert len(_broken(reconcile_probes(_report(), totals, 1, 832))) == 7
