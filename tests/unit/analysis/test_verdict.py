# SPDX-License-Identifier: GPL-2.0-only
from typing import Any

from tests.unit.changed import run_with
from zcprobe.analysis.policies import policy_results
from zcprobe.analysis.verdict import verdict
from zcprobe.dataset.load import Comparison, Run
from zcprobe.format.findings import RunWarning


def without_enobufs(run: Run, **meta: Any) -> Run:
    summary = {"enobufs_count": 0, "enobufs_causes": {}, "outcome": "completed"}
    return run_with(run, results=summary, **meta)


def test_a_path_that_was_not_impaired_is_no_ground_for_a_conclusion(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs[0]
    clean = [without_enobufs(run)]
    assert verdict(policy_results(clean), clean)[-1].endswith("this scenario does not show the failure.")
    warning = RunWarning("nothing-held-back", "nothing was held back")
    doubtful = [without_enobufs(run, warnings=[warning])]
    *_, conclusion, told = verdict(policy_results(doubtful), doubtful)
    assert conclusion == "No send returned ENOBUFS."
    assert told == "Warning, in 1 of 1 runs: nothing was held back."


def test_enobufs_without_probes_are_counted_as_unknown(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs[0]
    blind = [run_with(run, results={"enobufs_count": 23, "enobufs_causes": None})]
    results = policy_results(blind)
    assert results[run.policy].enobufs_causes == {"unknown": 23}
    assert "without probes the cause of 23 ENOBUFS is unknown" in verdict(results, blind)[0]
    assert not any("No send returned ENOBUFS" in sentence for sentence in verdict(results, blind))
