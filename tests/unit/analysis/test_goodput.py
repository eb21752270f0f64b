from zcprobe.analysis.goodput import GOODPUT_DTYPES, df_goodput
from zcprobe.dataset.load import Comparison


def test_one_row_per_run_numbered_within_its_policy(comparison: Comparison) -> None:
    table = df_goodput(comparison.runs)
    assert table.dtypes.astype(str).to_dict() == GOODPUT_DTYPES
    assert table["goodput_bps"].tolist() == [run.summary["goodput_bps"] for run in comparison.runs]
    assert table["repeat"].tolist() == [entry["repeat"] for entry in comparison.meta["runs"]]


def test_no_runs_are_an_empty_table() -> None:
    assert df_goodput([]).dtypes.astype(str).to_dict() == GOODPUT_DTYPES
