import pandas as pd

from zcprobe.analysis.sendmsg_results import RETRIED, SENDMSG_RESULTS_DTYPES, df_sendmsg_results
from zcprobe.dataset.load import Comparison, Run


def test_sender_and_kernel_count_the_same(run: Run) -> None:
    table = df_sendmsg_results(run)
    assert table.dtypes.astype(str).to_dict() == SENDMSG_RESULTS_DTYPES
    by_result = table.set_index("result")
    assert by_result.loc["ok", "sender_count"] == run.summary["sends"] + run.summary["copied_on_purpose"]
    assert by_result.loc["ENOBUFS", "sender_count"] == run.summary["enobufs_count"]
    dead = sum(channel["outcome"] == "dead_enobufs" for channel in run.meta["channels"])
    assert by_result.loc["ENOBUFS", "fatal_count"] == dead
    if run.meta["send_results"]:
        assert by_result["kernel_count"].tolist() == by_result["sender_count"].tolist()
    else:
        assert by_result["kernel_count"].isna().all()


def test_without_recorded_sends_the_summary_counts(empty_run: Run) -> None:
    table = df_sendmsg_results(empty_run).set_index("result")
    assert table.loc["ok", "sender_count"] == empty_run.summary["sends"]


def test_other_errors_and_repeated_calls_have_rows(shipped: dict[str, Comparison]) -> None:
    whole = shipped["in-order"].runs[0]
    run = Run(whole.folder, {**whole.meta, "send_results": {"0": 3, "104": 1, "4": 2}})
    columns = {"attempt_count": [1, 3, 1, 1], "enobufs_count": 0, "error": [0, 0, 0, 104]}
    run.__dict__["sends"] = pd.DataFrame(columns)
    table = df_sendmsg_results(run).set_index("result")
    assert table["sender_count"].to_dict() == {"ok": 3, "ENOBUFS": 0, "ECONNRESET": 1, RETRIED: 2}
    assert table["kernel_count"].to_dict() == {"ok": 3, "ENOBUFS": 0, "ECONNRESET": 1, RETRIED: 2}
    assert table.loc["ECONNRESET", "fatal_count"] == 1
