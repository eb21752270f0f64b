# SPDX-License-Identifier: GPL-2.0-only
from zcprobe.format.summary import KernelSummary
from zcprobe.recorder.kernel_summary import summarize_kernel
from zcprobe.recorder.totals import EventTotals


def _summary(totals: EventTotals | None, optmem_peak_bytes: int = 0) -> KernelSummary:
    levels = {"optmem_max_bytes": 131072, "optmem_baseline_bytes": 48, "charge_bytes": 832, "lost_events": 23}
    return summarize_kernel(totals, optmem_peak_bytes=optmem_peak_bytes, **levels)


def test_what_only_probes_know_is_none_without_them() -> None:
    without, with_them = _summary(None), _summary(EventTotals(errqueue_depth_max=3))
    assert (without.errqueue_depth_max, without.enobufs_causes, without.lost_events) == (None, None, 23)
    assert (with_them.errqueue_depth_max, with_them.enobufs_causes, with_them.enobufs_unread_share) == (3, {}, None)


def test_the_peak_is_the_highest_that_anybody_read() -> None:
    assert _summary(None, 11).optmem_peak_bytes == 11
    assert _summary(EventTotals(optmem_peak_bytes=9), 11).optmem_peak_bytes == 11
    assert _summary(EventTotals(optmem_peak_bytes=13), 11).optmem_peak_bytes == 13


def test_the_limit_and_the_charge_are_those_that_were_read_before_the_run() -> None:
    found = _summary(EventTotals(optmem_max_bytes=1, charge_bytes=1))
    assert (found.optmem_max_bytes, found.optmem_baseline_bytes, found.charge_bytes) == (131072, 48, 832)
