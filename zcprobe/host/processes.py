# SPDX-License-Identifier: GPL-2.0-only
"""Processes of this host, read from /proc: which there are, and what limits them. Nothing is changed.

A process may end at any time, so each function has an answer for one that is gone.
"""

import os
import re
from pathlib import Path

from zcprobe.host.limits import INITIAL_USER_NAMESPACE, effective_capabilities

__all__ = [
    "children_of",
    "has_cap_ipc_lock",
    "in_cgroup",
    "memlock_limit_bytes",
    "named",
    "process_of_thread",
    "read_comm",
    "threads_of",
    "unix_paths",
]

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")

_MEMLOCK = re.compile(r"^Max locked memory\s+(\S+)", re.MULTILINE)
_UNIX_LINE = re.compile(r"^\S+: \S+ \S+ \S+ \S+ \S+ +(\d+) (.+)$", re.MULTILINE)


def _text(path: Path) -> str | None:
    """The file's content; None if it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None


def read_comm(pid: int) -> str | None:
    """The name of the process, or of a thread; None if there is none of that id."""
    text = _text(PROC / str(pid) / "comm")
    return None if text is None else text.rstrip("\n")


def process_of_thread(tid: int) -> int | None:
    """The id of the process that the thread belongs to; None if there is no such thread."""
    for line in (_text(PROC / str(tid) / "status") or "").splitlines():
        if line.startswith("Tgid:"):
            return int(line.split()[1])
    return None


def _ids_in(folder: Path) -> list[int]:
    try:
        return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit())
    except OSError:
        return []


def threads_of(pid: int) -> dict[int, str]:
    """Thread id -> name, of the threads that the process has now."""
    found = {tid: _text(PROC / str(pid) / "task" / str(tid) / "comm") for tid in _ids_in(PROC / str(pid) / "task")}
    return {tid: comm.rstrip("\n") for tid, comm in found.items() if comm is not None}


def children_of(pid: int) -> set[int]:
    """The processes that a thread of the process has started and that are still its children."""
    lists = (_text(PROC / str(pid) / "task" / str(tid) / "children") for tid in _ids_in(PROC / str(pid) / "task"))
    return {int(child) for text in lists if text for child in text.split()}


def named(comm: str) -> set[int]:
    """The processes of that name."""
    return {pid for pid in _ids_in(PROC) if read_comm(pid) == comm}


def in_cgroup(folder: Path) -> set[int]:
    """The processes of a control group and of all groups below it; none if there is no such group (any more)."""
    lists = (_text(Path(group) / "cgroup.procs") for group, _, _ in os.walk(folder))
    return {int(pid) for text in lists if text for pid in text.split()}


def memlock_limit_bytes(pid: int) -> int | None:
    """The process's soft RLIMIT_MEMLOCK, -1 without a limit; None if it cannot be read."""
    match = _MEMLOCK.search(_text(PROC / str(pid) / "limits") or "")
    if match is None:
        return None
    return -1 if match[1] == "unlimited" else int(match[1])


def has_cap_ipc_lock(pid: int) -> bool | None:
    """Whether RLIMIT_MEMLOCK does not apply to the process, because it has CAP_IPC_LOCK in the first user namespace.
    None if that cannot be found out."""
    status = _text(PROC / str(pid) / "status")
    if status is None:
        return None
    if "CAP_IPC_LOCK" not in effective_capabilities(status):
        return False
    try:
        return (PROC / str(pid) / "ns" / "user").stat().st_ino == INITIAL_USER_NAMESPACE
    except OSError:
        return None


def unix_paths(pid: int) -> dict[int, str]:
    """Inode -> path, of the unix sockets with a path in the process's network namespace."""
    text = _text(PROC / str(pid) / "net" / "unix") or ""
    return {int(match[1]): match[2] for match in _UNIX_LINE.finditer(text)}
