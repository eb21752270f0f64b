# SPDX-License-Identifier: GPL-2.0-only
import pandas as pd

from zcprobe.analysis.enobufs import df_enobufs
from zcprobe.analysis.errqueue import ERRQUEUE_DTYPES, df_errqueue
from zcprobe.dataset.load import Comparison, Run
from zcprobe.format.kernel import SKB_TRUESIZE_ZERO_BYTES


def test_every_run_has_a_timeline_in_order(run: Run) -> None:
    table = df_errqueue(run)
    assert table.dtypes.astype(str).to_dict() == ERRQUEUE_DTYPES
    assert len(table) > 0
    assert table["time_s"].is_monotonic_increasing
    # sock_omalloc() tests with SKB_TRUESIZE(0) and then charges the real truesize: the level may overshoot by the rest
    overshoot = run.kernel.charge_bytes - SKB_TRUESIZE_ZERO_BYTES
    assert table["optmem_bytes"].max() <= run.kernel.optmem_max_bytes + overshoot


def test_the_holders_add_up_to_the_level(run: Run) -> None:
    table = df_errqueue(run)
    if run.kernel_events.empty:
        assert table["unread_bytes"].isna().all()
        return
    held = table["unread_bytes"] + table["in_flight_bytes"] + run.kernel.optmem_baseline_bytes
    assert (held >= table["optmem_bytes"]).all()
    # depth and level are two reads while completions go on: they disagree by a charge or two, and rarely
    assert (held == table["optmem_bytes"]).mean() > 0.99


def test_the_deepest_queue_is_that_of_the_summary(run: Run) -> None:
    deepest = df_errqueue(run)["errqueue_depth"].max()
    assert (None if pd.isna(deepest) else int(deepest)) == run.kernel.errqueue_depth_max


def test_a_freed_notification_no_longer_counts(shipped: dict[str, Comparison]) -> None:
    run = shipped["in-order"].runs[0]
    last = df_errqueue(run)[lambda table: table["kind"] == "read"].iloc[-1]
    assert (last["optmem_bytes"], last["errqueue_depth"]) == (run.kernel.optmem_baseline_bytes, 0)


def test_enobufs_events_are_on_the_timeline(run: Run) -> None:
    timeline = df_errqueue(run)[lambda table: table["kind"] == "enobufs"]
    if len(run.kernel_events):
        assert timeline["unread_bytes"].tolist() == df_enobufs(run)["unread_bytes"].tolist()


def test_nothing_recorded_is_an_empty_table(empty_run: Run) -> None:
    assert df_errqueue(empty_run).dtypes.astype(str).to_dict() == ERRQUEUE_DTYPES
    assert df_errqueue(empty_run).empty
