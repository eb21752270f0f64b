# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zcprobe import journal as journal_module
from zcprobe.campaign import execute as module
from zcprobe.campaign.execute import execute
from zcprobe.campaign.plan import PlannedRun
from zcprobe.campaign.store import Store
from zcprobe.directory import Directory
from zcprobe.errors import OutputError
from zcprobe.interrupt import Interruption
from zcprobe.journal import journal
from zcprobe.recorder.run_directory import open_run_directory


def test_a_first_run_that_cannot_get_its_name_stays_where_its_message_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "JOURNAL_FOLDER", tmp_path / "run")
    benchmarks: Any = {"qemu-pre": None}

    def record(benchmark: object, parent: Directory, *_: object, **__: object) -> None:
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
        content: Any = SimpleNamespace(planned_runs=1)
        plan, store = [PlannedRun("qemu-pre", 1)], Store(directory, content)
        with pytest.raises(OutputError, match="exists already") as failure:
            execute(plan, benchmarks, store, None, Interruption(), lambda *_: None)
    told = Path(failure.value.hint.removeprefix("it is whole in ").partition(":")[0])
    assert (told / "run.json").read_text() == "{}"
