# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zcprobe import journal as journal_module
from zcprobe.benchmark.run import CompletedRun
from zcprobe.campaign.plan import PlannedRun
from zcprobe.campaign.store import Store
from zcprobe.config import RunConfig
from zcprobe.format.comparison import ComparisonMetadata
from zcprobe.journal import journal
from zcprobe.recorder.run_directory import open_run_directory

CONTENT = ComparisonMetadata(
    scenario="in-order",
    started_utc="2026-01-02T03:04:05+00:00",
    seed=23,
    planned_runs=2,
    policies={"qemu-pre": None},
    smallest_effect=0.05,
)


@pytest.mark.parametrize("broken", ["the list of runs cannot be written", "the run cannot be read"])
def test_the_first_run_stays_whatever_fails_after_it(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "JOURNAL_FOLDER", tmp_path / "run")
    name = "20260102T030405Z-in-order-compare-kept"
    metadata: Any = SimpleNamespace(
        config=RunConfig(policy="qemu-pre"), sender=SimpleNamespace(outcome="completed"), complete=True, warnings=[]
    )
    with journal("kept") as entry, open_run_directory(tmp_path / "results", name, entry) as directory:
        store = Store(directory, CONTENT)
        (directory.path / "first").mkdir()
        if broken == "the run cannot be read":
            (directory.path / "first" / "table").touch()
        else:
            (directory.path / "first" / "run.json").write_text("{}")
            (directory.path / ".comparison.json.partial").mkdir()  # stands where the list is to be written
        done = CompletedRun(directory.place / "first", metadata)
        with pytest.raises(OSError, match=r"comparison.json|run.json") as failure, store.noting_what_is_kept():
            store.add(PlannedRun("qemu-pre", 1), done)
    assert [path.name for path in (tmp_path / "results").iterdir()] == [name]
    assert len(list((tmp_path / "results" / name / "first").iterdir())) == 1
    place = tmp_path / "results" / name
    assert failure.value.__notes__ == [f"1 of 2 runs are kept in {place}: zcprobe report {place} shows them"]
