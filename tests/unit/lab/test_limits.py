# SPDX-License-Identifier: GPL-2.0-only
import threading
from pathlib import Path

import pytest

from zcprobe import journal as journal_module
from zcprobe.errors import HostError, UsageError
from zcprobe.journal import Journal, journal
from zcprobe.lab.limits import changed_host_value, changed_optmem_max
from zcprobe.lab.turns import turn


@pytest.fixture
def sysctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the place of a sysctl of the whole host, and a journal folder of the test's own."""
    monkeypatch.setattr(journal_module, "JOURNAL_FOLDER", tmp_path / "run")
    path = tmp_path / "optmem_max"
    path.write_text("131072\n")
    return path


def test_the_value_of_the_host_is_journalled_and_restored(sysctl: Path) -> None:
    with journal("a") as opened:
        with changed_host_value(sysctl, 20480, opened) as in_force:
            assert in_force == 20480
            assert ":131072}" in opened.path.read_text()
            assert sysctl.read_text() == "20480"
        assert sysctl.read_text() == "131072"
        assert opened.is_settled()


def test_it_is_restored_after_an_error(sysctl: Path) -> None:
    def fail(opened: Journal) -> None:
        with changed_host_value(sysctl, 20480, opened):
            raise ValueError("in the run")

    with journal("a") as opened, pytest.raises(ValueError, match="in the run"):
        fail(opened)
    assert sysctl.read_text() == "131072"


def test_a_second_run_waits_for_its_turn(sysctl: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = []

    def second() -> None:
        with journal("b") as entry, changed_host_value(sysctl, 40960, entry):
            seen.append(sysctl.read_text())

    waiting = threading.Thread(target=second)
    with journal("a") as entry, changed_host_value(sysctl, 20480, entry):
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert (seen, sysctl.read_text()) == ([], "20480")
    waiting.join(5)
    assert (seen, sysctl.read_text()) == (["40960"], "131072")
    assert f"another run uses {sysctl}, of which this kernel has one for the whole host" in capsys.readouterr().err


def test_nobody_waits_for_ever(sysctl: Path) -> None:
    with turn("name", "a thing", longest_s=0.2):
        late = turn("name", "a thing", lambda text: None, longest_s=0.2)
        with pytest.raises(HostError, match="other runs have used a thing"), late:
            pass
        with turn("another name", "another thing", longest_s=0.0):
            pass


def test_a_value_that_a_dead_run_left_is_not_taken_for_the_original(sysctl: Path) -> None:
    (sysctl.parent / "run").mkdir()
    process = '"pid":4194305,"start_ticks":1,"pid_namespace":1'
    record = f'{{"run_id":"old",{process},"written_ns":1,"sysctls":{{"{sysctl}":131072}}}}'
    (sysctl.parent / "run" / "old.json").touch(0o600)
    (sysctl.parent / "run" / "old.json").write_text(record)
    with journal("a") as opened, pytest.raises(HostError, match="dead run left"), changed_host_value(sysctl, 1, opened):
        pass


@pytest.mark.parametrize("value", [0, 575, 2**31])
def test_a_value_no_kernel_could_use_is_refused(sysctl: Path, value: int) -> None:
    with (
        journal("a") as opened,
        pytest.raises(UsageError, match="out of range"),
        changed_optmem_max("n", value, opened),
    ):
        pass
