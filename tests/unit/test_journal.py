# SPDX-License-Identifier: GPL-2.0-only
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from zcprobe import journal as module
from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.benchmark.run import record_run
from zcprobe.config import RunConfig
from zcprobe.errors import HostError
from zcprobe.interrupt import deferred_interrupt
from zcprobe.journal import Journal, journal, read_record, read_start_ticks


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal folder of the test's own."""
    monkeypatch.setattr(module, "JOURNAL_FOLDER", tmp_path / "run")
    return tmp_path / "run"


def last_line(path: Path) -> dict[str, object]:
    record: dict[str, object] = json.loads(path.read_text().splitlines()[-1])
    return record


def test_the_file_names_process_and_things_before_they_are_made(folder: Path, tmp_path: Path) -> None:
    with journal("a") as opened:
        opened.add_namespace("zcprobe-a-tx", 23)
        opened.add_folder(tmp_path / "partial")
        opened.add_folder(tmp_path / "partial", (1, 2))
        opened.add_sysctl(Path("/proc/sys/x"), 7)
        record = last_line(folder / "a.json")
        assert (record["pid"], record["start_ticks"]) == (os.getpid(), read_start_ticks(os.getpid()))
        assert record["pid_namespace"] == os.stat("/proc/self/ns/pid").st_ino
        assert record["namespaces"] == {"zcprobe-a-tx": 23}
        assert record["folders"] == {str(tmp_path / "partial"): [1, 2]}
        assert record["sysctls"] == {"/proc/sys/x": 7}
        opened.drop_namespace("zcprobe-a-tx")
        opened.drop_folder(tmp_path / "partial")
        opened.drop_sysctl(Path("/proc/sys/x"))
    assert list(folder.iterdir()) == []


def test_the_file_stays_while_something_is_not_undone(folder: Path) -> None:
    with journal("a") as opened:
        opened.add_namespace("zcprobe-a-tx", 23)
    assert (folder / "a.json").exists()


def test_dropping_twice_is_no_error(folder: Path) -> None:
    with journal("a") as opened:
        opened.drop_namespace("never")
        opened.drop_sysctl(Path("/never"))


def test_what_is_undone_while_run_is_full_is_no_error(folder: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with journal("a") as opened:
        opened.add_namespace("zcprobe-a-tx", 23)
        os.dup2(full, opened.fd)
        with pytest.raises(OSError, match="No space left"):
            opened.add_namespace("zcprobe-a-rx", 24)
        opened.drop_namespace("zcprobe-a-tx")
        opened.drop_namespace("zcprobe-a-rx")
    os.close(full)
    assert list(folder.iterdir()) == []


def test_a_line_cut_short_says_what_cut_it(folder: Path) -> None:
    """The limit on the size of files falls within the line; /run is not full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with journal("a") as opened:
        opened.add_namespace("zcprobe-a-tx", 23)
        before = (folder / "a.json").read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 7, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                opened.add_namespace("zcprobe-a-rx", 24)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert len((folder / "a.json").read_bytes()) == len(before) + 7


def test_a_run_id_cannot_be_journalled_twice(folder: Path) -> None:
    with journal("a"):
        with pytest.raises(HostError, match="run a already has a journal"), journal("a"):
            pass
        assert (folder / "a.json").exists()


def test_a_zombie_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert read_start_ticks(process.pid) is None
    process.wait()


def test_a_link_in_the_place_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError, match="cannot be opened"), journal("a"):
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_that_others_could_write_to_is_believed_only_while_it_is_empty(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with journal("a"):
        assert folder.stat().st_mode & 0o7777 == 0o700
    folder.chmod(0o777)
    (folder / "b.json").touch(0o600)
    with pytest.raises(HostError, match="not trusted") as refusal, journal("a"):
        pass
    assert str(folder) in refusal.value.hint


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_line_that_was_cut_off_counts_for_nothing(folder: Path, cut: int) -> None:
    with journal("a") as opened:
        opened.add_namespace("zcprobe-a-tx", 23)
        whole = opened.path.read_bytes()
        opened.path.write_bytes(whole + (b"\n" + msgspec.json.encode(opened.record))[:cut])
        record = read_record(opened.fd)
        assert record is not None
        assert record.namespaces == {"zcprobe-a-tx": 23}
        opened.drop_namespace("zcprobe-a-tx")
        record = read_record(opened.fd)
        assert record is not None
        assert record.namespaces == {}


def test_no_line_at_all_names_nothing(folder: Path) -> None:
    with journal("a") as opened:
        for content in (b"", b"\n", b'\n{"run_id": "to'):
            opened.path.write_bytes(content)
            assert read_record(opened.fd) is None


@pytest.fixture
def interrupted_wait(folder: Path) -> Iterator[None]:
    """Somebody keeps the lock on all journals for long, and Ctrl-C comes 0.2 s from now."""
    folder.mkdir(mode=0o700)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    yield
    timer.join()
    os.close(fd)


@pytest.mark.usefixtures("interrupted_wait")
def test_ctrl_c_ends_the_wait_for_the_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOCK_TIMEOUT_S", 3.0)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), journal("a"):
        pass
    assert time.monotonic() - start < 2
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("interrupted_wait")
def test_who_defers_signals_ends_the_wait_as_well(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOCK_TIMEOUT_S", 3.0)
    benchmark = benchmark_of(RunConfig(scenario="in-order", policy="qemu-merged", send_count=1))
    with deferred_interrupt() as interruption, pytest.raises(KeyboardInterrupt):
        record_run(benchmark, folder.parent / "results", None, interruption)
    assert not (folder.parent / "results").exists()


def test_a_signal_while_it_is_made_leaves_no_journal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Journal.write

    def interrupt_and_write(opened: Journal) -> None:
        signal.raise_signal(signal.SIGINT)
        write(opened)

    monkeypatch.setattr(Journal, "write", interrupt_and_write)
    with pytest.raises(KeyboardInterrupt), journal("a"):
        pass
    assert list(folder.iterdir()) == []
