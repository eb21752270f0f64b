# SPDX-License-Identifier: GPL-2.0-only
from collections import Counter

import numpy as np
import pandas as pd

from zcprobe.analysis.late_completions import LATE_COMPLETIONS_DTYPES, df_late_completions, late_holders
from zcprobe.dataset.load import Comparison, Run
from zcprobe.format.holders import UNKNOWN_HOLDER


def test_counts_are_those_of_the_appended_events(run: Run) -> None:
    table = df_late_completions(run)
    assert table.dtypes.astype(str).to_dict() == LATE_COMPLETIONS_DTYPES
    assert table["appended_count"].sum() == (run.kernel_events["kind"] == "appended").sum()
    assert (table["late_count"] <= table["out_of_order_count"]).all()
    assert (table["out_of_order_count"] <= table["appended_count"]).all()


def test_held_clones_come_late_and_acknowledged_data_does_not(shipped: dict[str, Comparison]) -> None:
    table = pd.concat(map(df_late_completions, shipped["held-completions"].runs)).groupby("holder").sum()
    late_share = table["late_count"] / table["appended_count"]
    assert late_share["ifb_xmit"] > 0.9
    assert late_share["tcp_ack"] < 0.1


def test_nothing_is_out_of_order_on_an_unimpaired_path(shipped: dict[str, Comparison]) -> None:
    for run in shipped["in-order"].runs:
        assert df_late_completions(run)["out_of_order_count"].sum() == 0


def test_ids_that_wrap_are_still_in_order(shipped: dict[str, Comparison]) -> None:
    whole = shipped["in-order"].runs[0]
    run = Run(whole.folder, whole.meta)
    lo = np.array([2**32 - 2, 2**32 - 1, 0, 1], dtype=np.uint32)
    columns = {"time_ns": range(4), "lo": lo, "hi": lo, "kind": "appended", "stack_id": -1, "cookie": 1}
    run.__dict__["kernel_events"] = pd.DataFrame(columns)
    assert df_late_completions(run)["late_count"].tolist() == [0]


def test_late_holders_are_those_of_the_table_by_channel(run: Run) -> None:
    table = df_late_completions(run)
    known = table[(table["holder"] != UNKNOWN_HOLDER) & (table["out_of_order_count"] > 0)]
    added_up: Counter[str] = Counter()
    for counts in late_holders(run).values():
        added_up.update(counts)
    assert added_up == dict(zip(known["holder"], known["out_of_order_count"], strict=True))
