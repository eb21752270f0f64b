from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zcprobe import journal as journal_module
from zcprobe.benchmark.run import CompletedRun
from zcprobe.campaign import compare as module
from zcprobe.campaign.compare import PlannedRun, _Growing, _record_all, plan_runs
from zcprobe.directory import Directory
from zcprobe.errors import OutputError, UsageError
from zcprobe.interrupt import Interruption
from zcprobe.journal import journal
from zcprobe.recorder.run_directory import open_run_directory


def test_each_repeat_has_every_policy_once_and_the_order_changes() -> None:
    plan = plan_runs(["qemu-pre", "qemu-shipped", "qemu-merged"], 6, seed=1)
    rounds = [[item.policy for item in plan if item.repeat == repeat] for repeat in range(1, 7)]
    assert all(sorted(names) == ["qemu-merged", "qemu-pre", "qemu-shipped"] for names in rounds)
    assert len({tuple(names) for names in rounds}) > 1
    assert plan == plan_runs(["qemu-pre", "qemu-shipped", "qemu-merged"], 6, seed=1)


@pytest.mark.parametrize(("policies", "repeats"), [(["qemu-pre"], 0), (["qemu-pre", "qemu-pre"], 1), (["nix"], 1)])
def test_what_is_no_plan_is_refused(policies: list[str], repeats: int) -> None:
    with pytest.raises(UsageError):
        plan_runs(policies, repeats, seed=1)


@pytest.mark.parametrize("broken", ["the list of runs cannot be written", "the run cannot be read"])
def test_the_first_run_stays_whatever_fails_after_it(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "JOURNAL_FOLDER", tmp_path / "run")
    name = "20260102T030405Z-in-order-compare-kept"
    metadata: Any = SimpleNamespace(summary=SimpleNamespace(outcome="completed"), complete=True, warnings=[])
    with journal("kept") as entry, open_run_directory(tmp_path / "results", name, entry) as directory:
        growing = _Growing(directory, {}, planned=2)
        (directory.path / "first").mkdir()
        if broken == "the run cannot be read":
            (directory.path / "first" / "table").touch()
        else:
            (directory.path / "first" / "run.json").write_text("{}")
            (directory.path / ".comparison.json.partial").mkdir()  # stands where the list is to be written
        done = CompletedRun(directory.place / "first", metadata)
        with pytest.raises(OSError, match=r"comparison.json|run.json") as failure, growing.noting_what_is_kept():
            growing.add(PlannedRun("qemu-pre", 1), done)
    assert [path.name for path in (tmp_path / "results").iterdir()] == [name]
    assert len(list((tmp_path / "results" / name / "first").iterdir())) == 1
    place = tmp_path / "results" / name
    assert failure.value.__notes__ == [f"1 of 2 runs are kept in {place}: zcprobe report {place} shows them"]


def test_a_first_run_that_cannot_get_its_name_stays_where_its_message_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "JOURNAL_FOLDER", tmp_path / "run")
    configs: Any = {"qemu-pre": None}

    def record(config: object, parent: Directory, *_: object, **__: object) -> None:
        name = "20260102T030405Z-in-order-qemu-pre-below"
        with journal("below") as entry, open_run_directory(parent, name, entry) as directory:
            (directory.path / "run.json").write_text("{}")
            (parent.within / name).mkdir()  # it is taken
            directory.keep()

    monkeypatch.setattr(module, "record_run", record)
    with (
        journal("kept") as entry,
        open_run_directory(tmp_path / "results", "20260102T030405Z-in-order-compare-kept", entry) as directory,
    ):
        plan, growing = [PlannedRun("qemu-pre", 1)], _Growing(directory, {}, planned=1)
        with pytest.raises(OutputError, match="exists already") as failure:
            _record_all(plan, configs, growing, None, Interruption(), lambda *_: None)
    told = Path(failure.value.hint.removeprefix("it is whole in ").partition(":")[0])
    assert (told / "run.json").read_text() == "{}"
