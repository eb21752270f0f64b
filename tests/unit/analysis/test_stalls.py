# SPDX-License-Identifier: GPL-2.0-only
from zcprobe.analysis.stalls import STALLS_DTYPES, df_stalls
from zcprobe.dataset.load import Run


def test_stalls_add_up_to_the_summary(run: Run) -> None:
    table = df_stalls(run)
    assert table.dtypes.astype(str).to_dict() == STALLS_DTYPES
    assert len(table) == run.sender.stall_count
    assert table["duration_ns"].sum() == run.sender.stall_ns_total


def test_nothing_recorded_is_an_empty_table(empty_run: Run) -> None:
    assert df_stalls(empty_run).dtypes.astype(str).to_dict() == STALLS_DTYPES
