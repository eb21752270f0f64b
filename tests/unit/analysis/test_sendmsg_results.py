# SPDX-License-Identifier: GPL-2.0-only
import pandas as pd

from tests.unit.changed import run_with
from zcprobe.analysis.sendmsg_results import RETRIED, SENDMSG_RESULTS_DTYPES, df_sendmsg_results, kernel_agrees
from zcprobe.dataset.load import Comparison, Run


def test_sender_and_kernel_count_the_same(run: Run) -> None:
    table = df_sendmsg_results(run)
    assert table.dtypes.astype(str).to_dict() == SENDMSG_RESULTS_DTYPES
    by_result = table.set_index("result")
    without_zerocopy = run.sender.copied_on_purpose + (run.sender.plain_sends or 0)
    assert by_result.loc["ok", "sender_count"] == run.sender.sends + without_zerocopy
    assert by_result.loc["ENOBUFS", "sender_count"] == run.sender.enobufs_count
    dead = sum(channel.outcome == "dead_enobufs" for channel in run.meta.channels)
    assert by_result.loc["ENOBUFS", "fatal_count"] == dead
    if run.meta.send_results:
        assert by_result["kernel_count"].tolist() == by_result["sender_count"].tolist()
    else:
        assert by_result["kernel_count"].isna().all()


def test_without_recorded_sends_the_summary_counts(empty_run: Run) -> None:
    table = df_sendmsg_results(empty_run).set_index("result")
    assert table.loc["ok", "sender_count"] == empty_run.sender.sends


def test_without_recorded_sends_headers_count_too(shipped: dict[str, Comparison]) -> None:
    """Each copy is a separate call without the flag; the kernel counts it like any other."""
    whole = shipped["in-order"].runs[0]
    summary = {"sends": 23, "plain_sends": 24, "copied_on_purpose": 1, "eagain_count": 2}
    run = run_with(whole, whole.folder / "not there", results=summary, rows={}, send_results={"0": 47, "11": 2})
    table = df_sendmsg_results(run).set_index("result")
    assert table["sender_count"].to_dict() == {"ok": 47, "ENOBUFS": 0, RETRIED: 2}
    assert kernel_agrees(run) is True
    run = run_with(run, send_results={"0": 46, "11": 2})
    assert kernel_agrees(run) is False
    # what ended it, or interrupted a call, is not in the summary
    run = run_with(run, send_results={"0": 47, "11": 2, "4": 1, "104": 1})
    assert kernel_agrees(run) is True
    # runs from before plain sends were counted
    older = run_with(run, results={"plain_sends": None})
    assert df_sendmsg_results(older).set_index("result").loc["ok", "sender_count"] == 24


def test_what_no_call_returned_is_not_counted(shipped: dict[str, Comparison]) -> None:
    whole = shipped["in-order"].runs[0]
    run = run_with(whole, send_results={"0": 1, "105": 3, "4": 1})
    # taken; given up on after two ENOBUFS; at a deadline during a call; before any call; dead by the third ENOBUFS
    run.__dict__["sends"] = pd.DataFrame(
        {"attempt_count": [1, 2, 1, 0, 1], "enobufs_count": [0, 2, 0, 0, 1], "error": [0, 110, 110, 4, 105]}
    )
    table = df_sendmsg_results(run).set_index("result")
    assert table["sender_count"].to_dict() == {"ok": 1, "ENOBUFS": 3, RETRIED: 1}
    assert table["fatal_count"].to_dict() == {"ok": 0, "ENOBUFS": 1, RETRIED: 0}
    assert kernel_agrees(run) is True


def test_other_errors_and_repeated_calls_have_rows(shipped: dict[str, Comparison]) -> None:
    whole = shipped["in-order"].runs[0]
    run = run_with(whole, send_results={"0": 3, "104": 1, "4": 2})
    columns = {"attempt_count": [1, 3, 1, 1], "enobufs_count": 0, "error": [0, 0, 0, 104]}
    run.__dict__["sends"] = pd.DataFrame(columns)
    table = df_sendmsg_results(run).set_index("result")
    assert table["sender_count"].to_dict() == {"ok": 3, "ENOBUFS": 0, "ECONNRESET": 1, RETRIED: 2}
    assert table["kernel_count"].to_dict() == {"ok": 3, "ENOBUFS": 0, "ECONNRESET": 1, RETRIED: 2}
    assert table.loc["ECONNRESET", "fatal_count"] == 1
