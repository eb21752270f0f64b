# SPDX-License-Identifier: GPL-2.0-only
"""What /proc says of processes, and of those that are gone."""

import os
import resource
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from zcprobe.host import processes
from zcprobe.host.processes import (
    children_of,
    has_cap_ipc_lock,
    in_cgroup,
    memlock_limit_bytes,
    named,
    process_of_thread,
    read_comm,
    threads_of,
    unix_paths,
)

GONE = 2**22 + 1
"""No process can have this id."""


def test_nothing_is_known_of_a_process_that_is_gone() -> None:
    assert read_comm(GONE) is None
    assert process_of_thread(GONE) is None
    assert threads_of(GONE) == {}
    assert children_of(GONE) == set()
    assert memlock_limit_bytes(GONE) is None
    assert has_cap_ipc_lock(GONE) is None
    assert unix_paths(GONE) == {}


def test_threads_have_names_and_belong_to_their_process() -> None:
    named_thread, end = threading.Event(), threading.Event()
    ids = []

    def wait() -> None:
        ids.append(threading.get_native_id())
        Path(f"/proc/self/task/{ids[0]}/comm").write_text("multifdsend_0")
        named_thread.set()
        end.wait()

    thread = threading.Thread(target=wait)
    thread.start()
    named_thread.wait()
    try:
        assert threads_of(os.getpid())[ids[0]] == "multifdsend_0"
        assert process_of_thread(ids[0]) == os.getpid()
    finally:
        end.set()
        thread.join()


def test_children_are_those_of_all_threads() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in children_of(os.getpid())
        child.communicate(b"\n")
    assert child.pid not in children_of(os.getpid())


def test_a_process_is_found_by_its_name(tmp_path: Path) -> None:
    name = tmp_path / "zc-by-name"
    name.symlink_to("/bin/sleep")
    with subprocess.Popen([name, "60"]) as child:
        try:
            while read_comm(child.pid) != "zc-by-name":  # until execve()
                pass
            assert named("zc-by-name") == {child.pid}
        finally:
            child.kill()


def test_a_group_has_the_processes_of_the_groups_below_it(tmp_path: Path) -> None:
    for group, content in ((".", "11\n13\n"), ("below", "17\n"), ("below/further", "")):
        (tmp_path / group).mkdir(exist_ok=True)
        (tmp_path / group / "cgroup.procs").write_text(content)
    assert in_cgroup(tmp_path) == {11, 13, 17}
    assert in_cgroup(tmp_path / "gone") == set()


def test_the_limit_of_locked_memory_is_the_soft_one() -> None:
    soft = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    assert memlock_limit_bytes(os.getpid()) == (-1 if soft == resource.RLIM_INFINITY else soft)
    limited = ["sh", "-c", "ulimit -S -l 64; echo; read line"]
    with subprocess.Popen(limited, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert memlock_limit_bytes(child.pid) == 65536
        child.communicate(b"\n")


@pytest.mark.parametrize(
    ("capabilities", "inode", "answer"), [(1 << 14, True, True), (1 << 14, False, False), (0, True, False)]
)
def test_the_capability_counts_only_in_the_first_user_namespace(
    capabilities: int, inode: bool, answer: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "7" / "ns").mkdir(parents=True)
    (tmp_path / "7" / "status").write_text(f"CapEff:\t{capabilities:016x}\n")
    (tmp_path / "7" / "ns" / "user").touch()
    found = (tmp_path / "7" / "ns" / "user").stat().st_ino
    monkeypatch.setattr(processes, "PROC", tmp_path)
    monkeypatch.setattr(processes, "INITIAL_USER_NAMESPACE", found if inode else found + 1)
    assert has_cap_ipc_lock(7) is answer


def test_a_namespace_that_may_not_be_looked_at_leaves_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "status").write_text(f"CapEff:\t{1 << 14:016x}\n")
    monkeypatch.setattr(processes, "PROC", tmp_path)
    assert has_cap_ipc_lock(7) is None


def test_unix_sockets_have_their_paths(tmp_path: Path) -> None:
    path = str(tmp_path / "a b")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert unix_paths(os.getpid())[os.fstat(server.fileno()).st_ino] == path
