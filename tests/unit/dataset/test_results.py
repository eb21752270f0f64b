# SPDX-License-Identifier: GPL-2.0-only
import pytest

from tests.unit.changed import run_with, stored_results
from zcprobe.dataset.facts import flat_facts
from zcprobe.dataset.load import Comparison, Run
from zcprobe.dataset.results import lost_count, results_of
from zcprobe.errors import UsageError
from zcprobe.format.summary import KernelSummary, SenderSummary


def _watched(run: Run) -> Run:
    """The run as if nobody but the kernel had counted."""
    return run_with(run, kind="attachment", sender=None)


def test_no_number_has_two_places() -> None:
    assert set(KernelSummary.__struct_fields__) & set(SenderSummary.__struct_fields__) == set()


def test_every_member_has_its_place_and_its_value(run: Run) -> None:
    results, stored = results_of(run.meta), stored_results(run)
    assert set(results) == {*KernelSummary.__struct_fields__, *SenderSummary.__struct_fields__}
    unchanged = {name: value for name, value in stored.items() if name != "goodput_bps"}
    assert {name: results[name] for name in unchanged} == unchanged


def test_what_the_kernel_said_stands_beside_what_it_explains(run: Run) -> None:
    names = list(results_of(run.meta))
    assert names[0] == "outcome"
    assert names.index("enobufs_causes") == names.index("enobufs_count") + 1
    assert names.index("true_copied_completions") == names.index("copied_completions") + 1
    assert names[-2:] == ["lost_events", "lost_records"]


def test_the_columns_of_a_table_have_the_order_that_older_runs_store(shipped: dict[str, Comparison]) -> None:
    for run in shipped["digests"]:
        if run.format_version < 3:
            stored = stored_results(run)
            assert [name for name in results_of(run.meta) if name in stored] == list(stored)


def test_a_run_that_was_only_watched_has_what_the_kernel_said(shipped: dict[str, Comparison]) -> None:
    whole = shipped["held-completions"][0]
    run = _watched(run_with(whole, results={"lost_events": 23}))
    assert set(results_of(run.meta)) == set(KernelSummary.__struct_fields__)
    assert lost_count(run.meta) == 23
    assert run.kernel.charge_bytes == whole.kernel.charge_bytes
    assert "kind='attachment'" in repr(run)


def test_what_needs_our_sender_says_so_in_one_line(shipped: dict[str, Comparison]) -> None:
    run = _watched(shipped["held-completions"][0])
    with pytest.raises(UsageError, match="was only watched") as caught:
        _ = run.sender
    assert "\n" not in f"{caught.value}{caught.value.hint}"
    assert run.name in str(caught.value)


def test_records_and_events_that_were_lost_are_added_up(shipped: dict[str, Comparison]) -> None:
    run = run_with(shipped["in-order"][0], results={"lost_events": 23, "lost_records": 1009})
    assert lost_count(run.meta) == 1032
    assert flat_facts(run)["lost_events"] == 23
