# SPDX-License-Identifier: GPL-2.0-only
"""Each send call of a watched process that returned ENOBUFS: who made it, on which socket, and what held optmem."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from zcprobe.attach.event_file import EVENT_BYTES, EventFile
from zcprobe.attach.history import SocketHistory
from zcprobe.attach.sampler import Sampler
from zcprobe.format.causes import cause_of
from zcprobe.native import ffi
from zcprobe.probes.measurement import SocketSnapshot
from zcprobe.probes.session import ProbeSession

__all__ = ["Refusal", "RefusalReader"]

_MOST_SOCKETS = 4096


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One refused call. `time_ns`: CLOCK_MONOTONIC when it returned. `pid`, `tid`, `comm`: the process and the thread
    that made it; None if too many others were refused meanwhile. `socket`: what samples call the socket; this one and
    `fd` are None if no look met it. `local`, `remote`: its ends, as `address:port`. `cause`: a name of
    zcprobe.format.causes. The levels are those after the call; `in_flight_bytes` and `unread_bytes` are the two parts
    of optmem, None where the charge is not known."""

    time_ns: int
    pid: int | None
    tid: int
    comm: str | None
    socket: int | None
    fd: int | None
    local: str | None
    remote: str | None
    cause: str
    in_flight_bytes: int | None
    unread_bytes: int | None
    optmem_bytes: int
    optmem_max_bytes: int | None
    errqueue_depth: int


class RefusalReader:
    """Makes refusals of the events in a file. `sockets` are those that the probes know now, by cookie."""

    def __init__(
        self, session: ProbeSession, file: EventFile, sockets: Callable[[], dict[int, SocketSnapshot]]
    ) -> None:
        self._session = session
        self._file = file
        self._find_sockets = sockets
        self._sockets: dict[int, SocketSnapshot] = {}

    def read(self, sampler: Sampler, most: int | None) -> tuple[list[Refusal], int]:
        """The calls that were refused since the last reading, but only the first `most` of them, and how many there are
        in all. It takes a part of very many, and the next reading goes on there."""
        content = self._file.read(self._session.forget_events)
        count = len(content) // EVENT_BYTES
        told = count if most is None else min(most, count)
        events = ffi.from_buffer("struct zc_kernel_event[]", content[: told * EVENT_BYTES])
        if not told:
            return [], count
        self._learn({events[index].cookie for index in range(told)})
        threads = self._session.refused_threads({events[index].thread_id for index in range(told)})
        histories = {one.look.key: one for one in (*sampler.closed, *sampler.sockets.values())}
        return [self._refusal(events[index], threads, histories, sampler) for index in range(told)], count

    def _learn(self, cookies: Iterable[int]) -> None:
        if any(cookie not in self._sockets for cookie in cookies):
            kept = self._sockets if len(self._sockets) < _MOST_SOCKETS else {}
            self._sockets = kept | self._find_sockets()

    def _refusal(
        self,
        event: Any,
        threads: dict[int, tuple[int, str]],
        histories: dict[tuple[int, int], SocketHistory],
        sampler: Sampler,
    ) -> Refusal:
        seen = self._sockets.get(event.cookie)
        usage = seen.usage if seen else None
        history = histories.get((usage.address, usage.inode)) if usage else None
        pid, comm = threads.get(event.thread_id, (None, None))
        in_flight_bytes, unread_bytes = _parts(
            event, history, sampler.charge_bytes or (seen.counts.charge_bytes if seen else 0)
        )
        return Refusal(
            time_ns=event.time_ns,
            pid=pid,
            tid=event.thread_id,
            comm=comm,
            socket=history.number if history else None,
            fd=history.look.fd if history else None,
            local=usage.local if usage else None,
            remote=usage.remote if usage else None,
            cause=cause_of(event.candidates),
            in_flight_bytes=in_flight_bytes,
            unread_bytes=unread_bytes,
            optmem_bytes=event.optmem_bytes,
            optmem_max_bytes=event.optmem_max_bytes or None,
            errqueue_depth=event.errqueue_depth,
        )


def _parts(event: Any, history: SocketHistory | None, charge_bytes: int) -> tuple[int | None, int | None]:
    """Bytes of optmem in flight and unread at the event."""
    if not event.optmem_bytes:
        return 0, 0
    if not charge_bytes:
        return None, None
    unread = min(event.errqueue_depth * charge_bytes, event.optmem_bytes)
    if history is None or history.baseline_bytes is None:
        return None, unread
    return max(0, event.optmem_bytes - history.baseline_bytes - unread), unread
