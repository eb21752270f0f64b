# SPDX-License-Identifier: GPL-2.0-only
"""The command as a user runs it, and the check that it leaves the host as it found it."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest

from zcprobe.journal import JOURNAL_FOLDER
from zcprobe.lab.limits import OPTMEM_MAX_PATH
from zcprobe.lab.namespace import list_namespaces

_TESTS = Path(__file__).parent
MARKER_OF = {
    "browser": "browser",
    "guests": "kernel",
    "kernel": "kernel",
    "senders": "senders",
    "unit/analysis/test_in_parts.py": "bulk",
    "unit/analysis/test_of_campaigns.py": "bulk",
    "unit/cli/test_bad_input.py": "command",
    "unit/cli/test_damaged.py": "command",
    "unit/cli/test_imports.py": "command",
    "unit/cli/test_plot.py": "picture",
    "unit/cli/test_report.py": "picture",
    "unit/cli/test_without_the_core.py": "command",
    "unit/cli/test_words.py": "command",
    "unit/export/test_memory.py": "command",
    "unit/export/test_openmetrics.py": "bulk",
    "unit/export/test_text.py": "bulk",
    "unit/export/test_trace.py": "bulk",
    "unit/guests": "command",
    "unit/plots": "picture",
    "unit/report": "picture",
    "unit/test_install.py": "command",
    "unit/test_notebooks.py": "notebook",
    "unit/test_reading.py": "command",
}
"""Of all tests in a folder or file; single ones are marked where they are."""

_BPF_FILESYSTEM = Path("/sys/fs/bpf")
_SETTLE_S = 10.0
"""Longest wait for things that may outlive their process by a moment: the kernel frees programs after an RCU grace
period."""

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]


gc.disable()  # until the tests are collected: what that makes stays


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives tests the marker of their folder or file, before pytest selects by markers."""
    for item in items:
        for marker in _markers_of(item.path):
            item.add_marker(marker)


@cache
def _markers_of(path: Path) -> list[str]:
    return [marker for place, marker in MARKER_OF.items() if path.is_relative_to(_TESTS / place)]


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """Restores SIGINT for the tests and the processes they start, because a shell ignores it for background jobs."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def has_netem() -> bool:
    """Whether this kernel has the qdisc, as tc finds out."""
    words = ("unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


class HostState(msgspec.Struct, frozen=True):
    """Things that a run must not leave behind; `processes` are senders and sinks. Live runs of others are left out."""

    namespaces: set[str]
    journals: set[str]
    pinned: set[str]
    programs: set[int]
    processes: set[int]

    def new_since(self, before: "HostState") -> dict[str, set[object]]:
        """Things by kind that are there now and were not there before; empty if there are none."""
        new = {name: getattr(self, name) - getattr(before, name) for name in self.__struct_fields__}
        return {name: things for name, things in new.items() if things}


def _read(path: Path) -> bytes:
    """The content of a file of /proc; empty if its process has ended."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _ancestors(pid: int) -> Iterator[int]:
    while pid > 1:
        yield pid
        fields = _read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
        pid = int(fields[1]) if fields else 0


def _start_ticks(pid: int) -> int:
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
    return int(fields[19]) if fields else 0


def _is_foreign(pid: int) -> bool:
    """Whether the process is alive and was neither started nor orphaned by these tests. An older process is somebody
    else's."""
    line = list(_ancestors(pid))
    is_orphan = len(line) <= 1 and _start_ticks(pid) >= _start_ticks(os.getpid())
    return not is_orphan and os.getpid() not in line and Path(f"/proc/{pid}").exists()


def _names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _read_journals() -> dict[str, int]:
    """File name -> process of every run that these tests can have made."""
    contents = {path.name: _read(path) for path in JOURNAL_FOLDER.glob("*.json")}
    lines = {name: content.splitlines()[-1] for name, content in contents.items() if content}
    pids = {name: int(msgspec.json.decode(line)["pid"]) for name, line in lines.items()}
    return {name: pid for name, pid in pids.items() if not _is_foreign(pid)}


def _read_run_processes() -> set[int]:
    lines = {int(path.parent.name): _read(path).split(b"\0") for path in Path("/proc").glob("[0-9]*/cmdline")}
    modules = {b"zcprobe.sender.process", b"zcprobe.sink.process"}
    return {pid for pid, words in lines.items() if modules & set(words) and not _is_foreign(pid)}


def _entries(folder: Path) -> list[Path]:
    """None for a process that has ended, or that not even root may inspect; neither holds a program of a run."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


def _held_by_others() -> set[int]:
    """BPF programs that a foreign process has a descriptor of."""
    held = set()
    for folder in Path("/proc").glob("[0-9]*/fdinfo"):
        if _read(folder.parent / "comm").strip() and _is_foreign(int(folder.parent.name)):
            for path in _entries(folder):
                held |= {int(line.split()[1]) for line in _read(path).splitlines() if line.startswith(b"prog_id:")}
    return held


def _read_programs() -> set[int]:
    if shutil.which("bpftool") is None:
        return set()
    listed = subprocess.run(["bpftool", "-j", "prog", "list"], capture_output=True, check=True).stdout
    return {program["id"] for program in msgspec.json.decode(listed)} - _held_by_others()


def read_host_state() -> HostState:
    live = {path.stem for path in JOURNAL_FOLDER.glob("*.json")} - {Path(name).stem for name in _read_journals()}
    return HostState(
        namespaces={name for name in list_namespaces() if not any(run_id in name for run_id in live)},
        journals=set(_read_journals()),
        pinned=_names_in(_BPF_FILESYSTEM),
        programs=_read_programs(),
        processes=_read_run_processes(),
    )


@pytest.fixture
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """Fails a test that leaves something on the host, or an unfinished folder below `tmp_path`."""
    before, optmem_max = read_host_state(), OPTMEM_MAX_PATH.read_text()
    yield
    deadline = time.monotonic() + _SETTLE_S
    while (new := read_host_state().new_since(before)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert new == {}
    assert optmem_max == OPTMEM_MAX_PATH.read_text()
    assert list(tmp_path.rglob(".*.partial")) == []


def _environment(extra: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SUDO_")}
    return {**kept, **extra}


@pytest.fixture
def zcprobe(nothing_left: None, tmp_path: Path) -> Command:
    """Runs the command in `tmp_path`, so its folders are in `tmp_path / "results"`; `before` are words before it."""

    def run(*words: str, before: tuple[str, ...] = (), **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*before, sys.executable, "-m", "zcprobe", *words],
            cwd=tmp_path,
            env=_environment(environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def start_zcprobe(nothing_left: None, tmp_path: Path) -> Iterator[Start]:
    """Starts the command as `zcprobe` does, without waiting. Commands that still run at the end of the test are killed.

    Words `before` it must end in exec, so that the process is the command.
    """
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, before: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "zcprobe", *words],
            cwd=tmp_path,
            env=_environment({}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
