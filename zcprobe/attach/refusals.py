# SPDX-License-Identifier: GPL-2.0-only
"""Each send call of a watched process that returned ENOBUFS: who made it, on which socket, and what held optmem."""

from typing import Any

import msgspec

from zcprobe.attach.event_file import EVENT_BYTES, EventFile
from zcprobe.attach.history import SocketHistory
from zcprobe.attach.sampler import Sampler
from zcprobe.format.causes import cause_of
from zcprobe.native import ffi
from zcprobe.probes.refused import Refused
from zcprobe.probes.session import ProbeSession

__all__ = ["Refusal", "RefusalReader"]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One refused call. `time_ns`: CLOCK_MONOTONIC when it returned. `pid`, `tid`, `comm`: the process and the thread
    that made it; `local`, `remote`: the ends of the socket, as `address:port`; None if more than 4096 others were
    refused meanwhile. `socket`: what samples call it; this one and `fd` are None if no look met it. `cause`: a name of
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
    """Makes refusals of the events in a file."""

    def __init__(self, session: ProbeSession, file: EventFile) -> None:
        self._session = session
        self._file = file

    def read(self, sampler: Sampler, most: int | None) -> tuple[list[Refusal], int]:
        """The calls that were refused since the last reading, but only the first `most` of them, and how many there are
        in all. It takes a part of very many, and the next reading goes on there."""
        content = self._file.read(self._session.forget_events)
        count = len(content) // EVENT_BYTES
        told = count if most is None else min(most, count)
        if not told:
            return [], count
        array = ffi.from_buffer("struct zc_kernel_event[]", content)
        events = [array[index] for index in range(told)]
        known = self._session.refused({one.thread_id for one in events}, {one.cookie for one in events})
        histories = {one.look.key: one for one in (*sampler.closed, *sampler.sockets.values())}
        return [_refusal(event, known, histories, sampler.charge_bytes) for event in events], count


def _refusal(event: Any, known: Refused, histories: dict[tuple[int, int], SocketHistory], charge_bytes: int) -> Refusal:
    thread, socket = known.threads.get(event.thread_id), known.sockets.get(event.cookie)
    history = histories.get(socket.key) if socket else None
    in_flight_bytes, unread_bytes = _parts(event, history, (socket.charge_bytes if socket else 0) or charge_bytes)
    return Refusal(
        time_ns=event.time_ns,
        pid=thread.tgid if thread else None,
        tid=event.thread_id,
        comm=thread.comm if thread else None,
        socket=history.number if history else None,
        fd=history.look.fd if history else None,
        local=socket.local if socket else None,
        remote=socket.remote if socket else None,
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
