# SPDX-License-Identifier: GPL-2.0-only
"""Which processes to watch: the words of the command line, and the processes that they mean at a moment."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from zcprobe.errors import UsageError
from zcprobe.host.processes import CGROUPS, children_of, in_cgroup, named, process_of_thread

__all__ = ["Selection"]


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The processes with these ids, those to which these threads belong, those of that name, those in that control
    group; with `children` also what any of them starts, for as long as it is their child when we look."""

    pids: tuple[int, ...] = ()
    tids: tuple[int, ...] = ()
    comm: str | None = None
    cgroup: str | None = None
    children: bool = False

    @property
    def may_grow(self) -> bool:
        """Whether processes that do not exist yet can belong to it, although no watched process started them."""
        return self.comm is not None or self.cgroup is not None

    @property
    def text(self) -> str:
        """What was asked for, in words."""
        words = [f"process {pid}" for pid in self.pids] + [f"thread {tid}" for tid in self.tids]
        words += [f"processes called {self.comm}"] if self.comm is not None else []
        words += [f"control group {self.cgroup}"] if self.cgroup is not None else []
        return ", ".join(words) + (" and children" if self.children else "")

    def first(self) -> set[int]:
        """The processes at the beginning. UsageError if there is none of what was asked for."""
        if self.cgroup is not None and not (_group(self.cgroup) / "cgroup.procs").exists():
            raise UsageError(f"there is no control group {_group(self.cgroup)}", "systemd-cgls lists the groups")
        found = set(self.pids) | {_process_of(tid) for tid in self.tids} | self.grown()
        for pid in self.pids:
            if process_of_thread(pid) is None:
                raise UsageError(f"there is no process {pid}", "ps -e lists the processes that this host shows here")
            if process_of_thread(pid) != pid:
                raise UsageError(f"{pid} is a thread of process {process_of_thread(pid)}", f"name it with -t {pid}")
        if not found and self.comm is not None:
            raise UsageError(
                f"no process is called {self.comm!r}", "ps -eo pid,comm lists the names, 15 characters long"
            )
        if not found and self.cgroup is not None:
            raise UsageError(f"no process is in the control group {self.cgroup}", "systemd-cgls lists the groups")
        return self.with_children(found)

    def grown(self) -> set[int]:
        """The processes that now have the name or are in the control group, which may be gone meanwhile."""
        found = set() if self.comm is None else named(self.comm)
        if self.cgroup is not None:
            found |= in_cgroup(_group(self.cgroup))
        return found - {os.getpid()}

    def with_children(self, pids: Iterable[int]) -> set[int]:
        """The processes and, if they are asked for, their children, grandchildren and so on."""
        found = set(pids)
        new = found if self.children else set()
        while new:
            new = {child for pid in new for child in children_of(pid)} - found
            found = found | new
        return found


def _process_of(tid: int) -> int:
    pid = process_of_thread(tid)
    if pid is None:
        raise UsageError(f"there is no thread {tid}", "ps -eLf lists the threads that this host shows here")
    return pid


def _group(path: str) -> Path:
    """The folder of a control group, given as its path in the file system or below the root of all groups."""
    return Path(path) if Path(path).is_relative_to(CGROUPS) else CGROUPS / path.lstrip("/")
