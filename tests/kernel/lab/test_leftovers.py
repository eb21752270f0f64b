# SPDX-License-Identifier: GPL-2.0-only
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from zcprobe.journal import JOURNAL_FOLDER, journal
from zcprobe.lab.leftovers import clean_leftovers, find_leftovers
from zcprobe.lab.namespace import is_namespace, list_namespaces, make_namespace, namespace_path, remove_namespace
from zcprobe.lab.netns import namespace_pair

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

_ENDED_S = 30.0

DYING_RUN = """
import sys, time
from pathlib import Path
from zcprobe.journal import journal
from zcprobe.lab.netns import namespace_pair
from zcprobe.recorder.run_directory import folder_name, open_run_directory

with journal(sys.argv[1]) as opened, namespace_pair(opened):
    with open_run_directory(Path(sys.argv[2]), folder_name("in-order", "none", sys.argv[1]), opened) as directory:
        (directory.path / "spool").write_text("x")
        print(directory.place.absolute(), flush=True)
        time.sleep(60)
"""


@pytest.fixture
def dead(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A run that was killed with its lab open: its id, and its folder."""
    run_id = f"dead{os.getpid()}"
    with subprocess.Popen(
        [sys.executable, "-c", DYING_RUN, run_id, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        assert all(run_id not in leftover.name for leftover in find_leftovers())
        process.send_signal(signal.SIGKILL)
    yield run_id, folder
    (JOURNAL_FOLDER / f"{run_id}.json").unlink(missing_ok=True)
    for side in ("tx", "rx"):
        if namespace_path(f"zcprobe-{run_id}-{side}").exists():
            subprocess.run(["ip", "netns", "del", f"zcprobe-{run_id}-{side}"], check=True)


def names_of(run_id: str) -> list[str]:
    return [f"zcprobe-{run_id}-tx", f"zcprobe-{run_id}-rx"]


def test_what_a_killed_run_left_is_removed_and_a_live_run_is_left_alone(dead: tuple[str, Path]) -> None:
    run_id, folder = dead
    with journal(f"live{os.getpid()}") as opened, namespace_pair(opened) as pair:
        mine = [leftover.name for leftover in find_leftovers() if run_id in leftover.run_id]
        assert mine == [*names_of(run_id), str(folder), str(JOURNAL_FOLDER / f"{run_id}.json")]
        assert [line for line in clean_leftovers().undone if run_id in line] == [
            *(f"removed network namespace {name}" for name in names_of(run_id)),
            f"removed unfinished run folder {folder}",
            f"removed journal of dead run {run_id}",
        ]
        assert not folder.exists()
        assert not set(names_of(run_id)) & set(list_namespaces())
        assert all(run_id not in line for line in clean_leftovers().undone)
        assert {pair.sender.name, pair.sink.name} <= set(list_namespaces())
    assert pair.sender.name not in list_namespaces()


def test_a_namespace_without_any_journal_is_somebody_elses() -> None:
    name = f"zcprobe-lost{os.getpid()}-tx"
    inode = make_namespace(name)
    try:
        assert name not in {leftover.name for leftover in find_leftovers()}
        clean_leftovers()
        assert is_namespace(name, inode)
    finally:
        remove_namespace(name, inode)


def test_another_namespace_of_that_name_is_left(dead: tuple[str, Path]) -> None:
    run_id, folder = dead
    name = names_of(run_id)[0]
    subprocess.run(["ip", "netns", "del", name], check=True)
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        inode = namespace_path(name).stat().st_ino
        cleaned = clean_leftovers()
        assert [(item.name, item.refusal) for item in cleaned.kept] == [
            (name, "another network namespace has its name")
        ]
        assert is_namespace(name, inode)
        assert not namespace_path(names_of(run_id)[1]).exists()
        assert not folder.exists()
        # once it is gone, the rest of the journal can be undone
        subprocess.run(["ip", "netns", "del", name], check=True)
        assert clean_leftovers().undone == [f"removed journal of dead run {run_id}"]
    finally:
        if namespace_path(name).exists():
            subprocess.run(["ip", "netns", "del", name], check=True)


def test_a_live_run_of_another_pid_namespace_is_left_alone(tmp_path: Path) -> None:
    """Here its pid is unknown or belongs to another process; the lock on its journal shows that it lives."""
    run_id = f"inner{os.getpid()}"
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", DYING_RUN, run_id, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        try:
            assert all(run_id not in leftover.run_id for leftover in find_leftovers())
            clean_leftovers()
            assert folder.is_dir()
            assert set(names_of(run_id)) <= set(list_namespaces())
        finally:
            process.kill()
            process.wait()
            undone = _cleaned_of(run_id)
    assert f"removed journal of dead run {run_id}" in undone
    assert not folder.exists()
    assert not set(names_of(run_id)) & set(list_namespaces())


def _cleaned_of(run_id: str) -> list[str]:
    """Waits until the kernel has ended every process of the pid namespace."""
    deadline = time.monotonic() + _ENDED_S
    while time.monotonic() < deadline:
        undone = clean_leftovers().undone
        if any(run_id in line for line in undone):
            return undone
        time.sleep(0.01)
    return []


def test_the_place_of_a_namespace_that_was_never_bound_is_freed(dead: tuple[str, Path]) -> None:
    run_id, _ = dead
    name = names_of(run_id)[0]
    subprocess.run(["ip", "netns", "del", name], check=True)
    namespace_path(name).touch()
    assert f"removed network namespace {name}" in clean_leftovers().undone
    assert not os.path.lexists(namespace_path(name))


def test_two_that_clean_at_once_do_not_disturb_each_other(dead: tuple[str, Path]) -> None:
    run_id, folder = dead
    script = "from zcprobe.lab.leftovers import clean_leftovers as c; r = c(); print(*r.undone, *r.kept, sep='\\n')"
    with ExitStack() as stack:
        cleaners = [
            stack.enter_context(subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True))
            for _ in range(3)
        ]
        said = [line for cleaner in cleaners for line in cleaner.communicate()[0].splitlines() if run_id in line]
    assert len(said) == len(set(said)) == 4
    assert not folder.exists()
