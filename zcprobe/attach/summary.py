# SPDX-License-Identifier: GPL-2.0-only
"""What was seen of sockets, threads and processes, as a run folder and a diagnosis have it."""

import mmap
from typing import TYPE_CHECKING, Any

from zcprobe.attach.history import SocketHistory
from zcprobe.attach.sampler import Sampler
from zcprobe.format.attachment import ProcessFacts, SocketSummary, ThreadSummary
from zcprobe.host.processes import has_cap_ipc_lock, memlock_limit_bytes, threads_of, unix_paths
from zcprobe.probes.socket_looks import SocketLook

if TYPE_CHECKING:
    from zcprobe.attach.causes import Causes

__all__ = ["People", "socket_summaries"]

MOST_THREADS = 4096
"""Most threads that are listed. Where there are more, those that have ended are left out first."""


class People:
    """Threads and processes that were seen, also those that have ended meanwhile: the members `threads` and `processes`
    of a summary. `tids`: the only threads to list, unless it is empty."""

    def __init__(self, tids: tuple[int, ...] = ()) -> None:
        self._tids = tids
        self._threads: dict[int, str] = {}
        self._facts: dict[int, ProcessFacts] = {}

    def look(self, sampler: Sampler) -> None:
        """Reads /proc of each process that is watched now."""
        locked = {one.pid: one.look.user_locked_pages * mmap.PAGESIZE for one in sampler.sockets.values()}
        alive: dict[int, str] = {}
        for process in sampler.processes:
            threads = threads_of(process.pid)
            if not threads:  # it is gone, and what was known of it stays
                continue
            alive |= {tid: comm for tid, comm in threads.items() if not self._tids or tid in self._tids}
            before = self._facts.get(process.pid)
            self._facts[process.pid] = ProcessFacts(
                pid=process.pid,
                comm=process.comm,
                memlock_limit_bytes=memlock_limit_bytes(process.pid),
                locked_bytes_of_user=_highest(before, locked.get(process.pid)),
                has_cap_ipc_lock=has_cap_ipc_lock(process.pid),
            )
        known = self._threads | alive
        self._threads = known if len(known) <= MOST_THREADS else dict(sorted(alive.items())[:MOST_THREADS])

    @property
    def threads(self) -> list[ThreadSummary]:
        return [ThreadSummary(tid=tid, comm=comm) for tid, comm in sorted(self._threads.items())]

    @property
    def processes(self) -> list[ProcessFacts]:
        return list(self._facts.values())


def _highest(before: ProcessFacts | None, now: int | None) -> int | None:
    known = [one for one in (before.locked_bytes_of_user if before else None, now) if one is not None]
    return max(known, default=None)


def _identity(look: SocketLook, pid: int, paths: dict[int, str]) -> dict[str, Any]:
    """The members that tell which socket it is, and where its route leads."""
    return {
        "pid": pid,
        "fd": look.fd,
        "local": look.local_text or paths.get(look.inode),
        "remote": look.remote_text,
        "protocol": look.protocol_name,
        "zerocopy_enabled": bool(look.zerocopy_enabled),
        "device": look.device_name,
        "device_kind": look.device_kind_name,
        "scatter_gather": look.scatter_gather,
    }


def _summary(history: SocketHistory) -> SocketSummary:
    look, levels = history.look, history.whole
    return SocketSummary(
        **_identity(look, history.pid, {}),
        number=history.number,
        state=look.state_name if history.is_open else None,
        sends=history.sends,
        bytes_sent=history.bytes_sent if look.protocol_name == "tcp" else None,
        errqueue_depth_max=levels.errqueue_depth,
        optmem_baseline_bytes=history.baseline_bytes,
        optmem_peak_bytes=levels.optmem_bytes,
        optmem_max_bytes=history.optmem_max_bytes,
        charge_bytes=history.charge_bytes or None,
        in_flight_peak_bytes=levels.in_flight_bytes,
        unread_peak_bytes=levels.unread_bytes,
        tail_lo=look.tail_lo if look.has_tail else None,
        tail_hi=look.tail_hi if look.has_tail else None,
        sndbuf_bytes=history.sndbuf_bytes,
    )


def _other_summaries(sampler: Sampler) -> list[SocketSummary]:
    """The sockets without zerocopy, of which only what they are is told. Paths of unix sockets are read from /proc."""
    paths: dict[int, str] = {}
    for pid in {pid for pid, look in sampler.others if look.protocol_name == "unix"}:
        paths |= unix_paths(pid)
    return [SocketSummary(**_identity(look, pid, paths), state=look.state_name) for pid, look in sampler.others]


def socket_summaries(sampler: Sampler, causes: "Causes | None" = None) -> list[SocketSummary]:
    """The sockets with zerocopy in the order in which they were first seen, with what the probes counted, then those
    without."""
    histories = sorted([*sampler.closed, *sampler.sockets.values()], key=lambda one: one.number)
    if causes is None:
        return [*map(_summary, histories), *_other_summaries(sampler)]
    completed = [causes.complete(_summary(history), history) for history in histories]
    return [*completed, *causes.unknown_sockets(histories), *_other_summaries(sampler)]
