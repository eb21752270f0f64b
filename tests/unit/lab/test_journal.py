import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zcprobe.errors import HostError
from zcprobe.lab import journal as module
from zcprobe.lab.journal import clean_leftovers, find_leftovers, journal, read_start_ticks


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal folder of the test's own, and a host without namespaces."""
    monkeypatch.setattr(module, "JOURNAL_FOLDER", tmp_path / "run")
    monkeypatch.setattr(module, "list_namespaces", list)
    return tmp_path / "run"


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def write_record(folder: Path, run_id: str, pid: int, written_ns: int = 0, **things: object) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{run_id}.json"
    record = {"run_id": run_id, "pid": pid, "start_ticks": 1, "written_ns": written_ns, **things}
    path.write_text(json.dumps(record))
    return path


def test_the_file_names_process_and_things_before_they_are_made(folder: Path, tmp_path: Path) -> None:
    with journal("a") as opened:
        opened.add_namespace("zcprobe-a-tx")
        opened.add_folder(tmp_path / "partial")
        opened.add_sysctl(Path("/proc/sys/x"), "7")
        record = json.loads((folder / "a.json").read_text())
        assert (record["pid"], record["start_ticks"]) == (os.getpid(), read_start_ticks(os.getpid()))
        assert record["namespaces"] == ["zcprobe-a-tx"]
        assert record["folders"] == [str(tmp_path / "partial")]
        assert record["sysctls"] == {"/proc/sys/x": "7"}
        opened.drop_namespace("zcprobe-a-tx")
        opened.drop_folder(tmp_path / "partial")
        opened.drop_sysctl(Path("/proc/sys/x"))
    assert list(folder.iterdir()) == []


def test_the_file_stays_while_something_is_not_undone(folder: Path) -> None:
    with journal("a") as opened:
        opened.add_namespace("zcprobe-a-tx")
    assert (folder / "a.json").exists()


def test_dropping_twice_is_no_error(folder: Path) -> None:
    with journal("a") as opened:
        opened.drop_namespace("never")
        opened.drop_sysctl(Path("/never"))


def test_a_run_id_cannot_be_journalled_twice(folder: Path) -> None:
    with journal("a"):
        with pytest.raises(HostError, match="journal of run a"), journal("a"):
            pass
        assert (folder / "a.json").exists()


def test_a_live_run_has_no_leftovers(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "partial").mkdir()
    with journal("a") as opened:
        opened.add_folder(tmp_path / "partial")
        assert find_leftovers() == []
        assert clean_leftovers() == []
        opened.drop_folder(tmp_path / "partial")


def test_a_recycled_pid_is_not_taken_for_alive(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "partial").mkdir()
    write_record(folder, "old", os.getpid(), folders=[str(tmp_path / "partial")])
    assert [leftover.kind for leftover in find_leftovers()] == ["folder", "journal"]


def test_a_zombie_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert read_start_ticks(process.pid) is None
    process.wait()


def test_cleaning_says_what_it_removed_and_is_idempotent(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    partial, sysctl = tmp_path / "partial", tmp_path / "optmem_max"
    partial.mkdir()
    (partial / "sends.bin").write_bytes(b"x")
    sysctl.write_text("20480")
    write_record(folder, "old", dead_pid, folders=[str(partial)], sysctls={str(sysctl): "131072"})
    assert clean_leftovers() == [
        f"removed unfinished run folder {partial}",
        f"restored {sysctl} to 131072",
        "removed journal of dead run old",
    ]
    assert not partial.exists()
    assert sysctl.read_text() == "131072"
    assert clean_leftovers() == []


def test_the_oldest_of_two_dead_runs_has_the_last_word(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    sysctl = tmp_path / "optmem_max"
    write_record(folder, "a-newer", dead_pid, written_ns=2, sysctls={str(sysctl): "20480"})
    write_record(folder, "b-older", dead_pid, written_ns=1, sysctls={str(sysctl): "131072"})
    clean_leftovers()
    assert sysctl.read_text() == "131072"


def test_what_a_live_run_holds_now_is_left_to_it(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    sysctl = tmp_path / "optmem_max"
    sysctl.write_text("20480")
    write_record(folder, "old", dead_pid, sysctls={str(sysctl): "131072"})
    with journal("live") as opened:
        opened.add_sysctl(sysctl, "131072")
        assert clean_leftovers() == ["removed journal of dead run old"]
        assert sysctl.read_text() == "20480"
        opened.drop_sysctl(sysctl)


def test_a_journal_nobody_can_read_is_a_leftover(folder: Path) -> None:
    folder.mkdir()
    (folder / "torn.json").write_text('{"run_id": "to')
    assert clean_leftovers() == ["removed journal of dead run torn"]
