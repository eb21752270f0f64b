# SPDX-License-Identifier: GPL-2.0-only
from tests.unit.changed import run_with
from zcprobe.dataset.load import Comparison
from zcprobe.report.content import policy_rows


def test_requests_stand_beside_goodput_where_there_were_some(shipped: dict[str, Comparison]) -> None:
    whole = shipped["in-order"]
    told = {"request_p50_ns": 210_000, "request_p99_ns": 4_000_000}
    runs = [run_with(run, results=told) for run in whole]
    for row in policy_rows(Comparison(whole.folder, whole.meta, runs)):
        assert row.goodput.endswith("; requests: p50 210\u00a0µs, p99 4\u00a0ms")
    assert all("requests" not in row.goodput for row in policy_rows(whole))
