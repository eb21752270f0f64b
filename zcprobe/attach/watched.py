# SPDX-License-Identifier: GPL-2.0-only
"""The processes that are watched. Each is held by a pidfd, so a later process with the same id is never mistaken for
it."""

import os
import select
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

from zcprobe.attach.selection import Selection
from zcprobe.host.processes import read_comm
from zcprobe.journal import read_start_ticks
from zcprobe.probes.iterators import SocketIterators, read_iterator
from zcprobe.probes.socket_looks import Looked, decode

__all__ = ["WatchedProcess", "WatchedProcesses"]


class WatchedProcess:
    """One process; `is_new`: it was started after we began to watch. OSError if it cannot be held or its descriptors
    cannot be listed; ProcessLookupError if it is gone."""

    def __init__(self, pid: int, iterators: SocketIterators, begun_s: float) -> None:
        self.pid = pid
        self.is_new = (read_start_ticks(pid) or 0) / os.sysconf("SC_CLK_TCK") >= begun_s
        self.pidfd = os.pidfd_open(pid)
        self._links: list[int] = []
        try:
            self.comm = read_comm(pid) or ""
            for every in (False, True):
                self._links.append(iterators.link(self.pidfd, every=every))
        except BaseException:
            self.close()
            raise

    def has_ended(self) -> bool:
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        return bool(poller.poll(0))

    def look(self, *, every: bool) -> Looked | None:
        """Its sockets with zerocopy now, or all its sockets; None once it has ended.

        The kernel filters by number, so what was read counts only if the process still has its number afterwards.
        """
        looked = decode(read_iterator(self._links[every]))
        return None if self.has_ended() else looked

    def close(self) -> None:
        for fd in (*self._links, self.pidfd):
            os.close(fd)
        self._links = []


class WatchedProcesses:
    """Those of a selection: they come and go, and `take_notes` tells of each that does.

    `begun_s`: seconds of CLOCK_BOOTTIME from which on a process counts as new: now, unless it is given."""

    def __init__(self, selection: Selection, iterators: SocketIterators, begun_s: float | None = None) -> None:
        self.selection = selection
        self._begun_s = time.clock_gettime(time.CLOCK_BOOTTIME) if begun_s is None else begun_s
        self._notes: list[str] = []
        self._iterators = iterators
        self._watched: dict[int, WatchedProcess] = {}
        for pid in sorted(selection.first()):
            self._add(pid)

    def __iter__(self) -> Iterator[WatchedProcess]:
        return iter(list(self._watched.values()))

    def __len__(self) -> int:
        return len(self._watched)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self:
            self._drop(process)

    def take_notes(self) -> list[str]:
        """A sentence for each process that came, went or got another name since the last time."""
        notes, self._notes = self._notes, []
        return notes

    def find_new(self) -> None:
        """Adds the processes that have joined the selection since the last time."""
        self._join(self.selection.with_children({*self._watched, *self.selection.grown()}))

    def find_new_children(self) -> None:
        """Like `find_new`, but only the children of what is watched already."""
        self._join(self.selection.with_children(self._watched))

    def _join(self, wanted: set[int]) -> None:
        for pid in sorted(wanted - self._watched.keys()):
            if self._add(pid):
                self._notes.append(f"process {pid} ({self._watched[pid].comm}) is watched from now on")

    def follow_names(self) -> None:
        """Notes each process that has another name than before: it called execve(), or renamed itself."""
        for process in self:
            comm = read_comm(process.pid)
            if comm is not None and comm != process.comm and not process.has_ended():
                self._notes.append(f"process {process.pid} ({process.comm}) is called {comm} now")
                process.comm = comm

    def ended(self, process: WatchedProcess) -> None:
        self._notes.append(f"process {process.pid} ({process.comm}) has ended")
        self._drop(process)

    def _add(self, pid: int) -> bool:
        with suppress(ProcessLookupError):  # it has ended since it was listed
            self._watched[pid] = WatchedProcess(pid, self._iterators, self._begun_s)
            return True
        return False

    def _drop(self, process: WatchedProcess) -> None:
        del self._watched[process.pid]
        process.close()
