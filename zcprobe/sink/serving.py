# SPDX-License-Identifier: GPL-2.0-only
"""A sink that serves all senders until it is ended, with a thread for each stream and for nobody else."""

import contextlib
import os
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

from zcprobe.errors import ZcprobeError
from zcprobe.sink.reception import Reception, Visitor, descriptor_bounds
from zcprobe.sink.refusals import Refusals
from zcprobe.sink.stream import Progress, receive
from zcprobe.wire import Reading, SinkReport, StreamPlan

__all__ = ["IDLE_S", "Service"]

IDLE_S = 10.0
"""A stream that has sent nothing for this time loses its place once all places are taken and another sender asks for
one."""

_TICK_S = 1.0
_KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 6}
"""Seconds, seconds and count: a vanished host is noticed after a minute and a half."""


class _Stream:
    """A stream that is being received. `moved_s`: when bytes were last seen to have arrived."""

    def __init__(self, visitor: Visitor, plan: StreamPlan) -> None:
        self.visitor = visitor
        self.plan = plan
        self.progress = Progress()
        self.seen_bytes = 0
        self.moved_s = time.monotonic()
        self.is_leaving = False

    def look(self, now_s: float) -> None:
        if self.progress.bytes != self.seen_bytes:
            self.seen_bytes, self.moved_s = self.progress.bytes, now_s

    def leave(self) -> None:
        """Breaks the connection, so that its thread wakes and ends."""
        self.is_leaving = True
        with contextlib.suppress(OSError):
            self.visitor.connection.shutdown(socket.SHUT_RDWR)


class Service:
    """Calls `tell` with each report. With `one_off` it ends when a sender's streams have ended."""

    def __init__(
        self,
        server: socket.socket,
        token: str | None,
        reading: Reading,
        tell: Callable[[SinkReport], None],
        *,
        one_off: bool,
    ) -> None:
        most_waiting, self._most_served = descriptor_bounds()
        self._reading = reading
        self._tell = tell
        self._one_off = one_off
        self._refusals = Refusals(2)
        self._reception = Reception(server, token, most_waiting, self._admit, self._refused)
        self._streams: set[_Stream] = set()
        self._next: deque[tuple[Visitor, StreamPlan]] = deque()  # each takes the place of a stream that is ending
        self._ended: queue.SimpleQueue[tuple[_Stream, SinkReport | ZcprobeError | None]] = queue.SimpleQueue()
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._reception.watch(self._wake_fd)

    def run(self) -> None:
        """Serves until a signal ends it, or the streams of the one sender have ended; then raises the first error of a
        stream."""
        failed: ZcprobeError | None = None
        try:
            while True:
                self._reception.turn(_TICK_S)
                self._refusals.tick()
                ended = self._take_ended()
                failed = failed or next((one for one in ended if one is not None), None)
                if self._one_off and ended and not self._streams:
                    break
                now_s = time.monotonic()
                for stream in self._streams:
                    stream.look(now_s)
        finally:
            self._refusals.close()
            self._reception.close()
        if failed is not None:
            raise failed

    def _refused(self, address: str, reason: str) -> None:
        self._refusals.tell(f"zcprobe: refused {address}: {reason}")

    def _admit(self, visitor: Visitor, plan: StreamPlan) -> None:
        if len(self._streams) < self._most_served:
            self._start(visitor, plan)
            return
        now_s = time.monotonic()
        staying = [stream for stream in self._streams if not stream.is_leaving]
        idlest = min(staying, key=lambda stream: stream.moved_s, default=None)
        if idlest is None or now_s - idlest.moved_s < IDLE_S:
            self._turn_away(visitor, f"all {self._most_served} places are taken")
            return
        idlest.leave()
        self._refused(idlest.visitor.address, f"nothing came of its stream for {IDLE_S:g} s, and others wait")
        self._next.append((visitor, plan))

    def _turn_away(self, visitor: Visitor, reason: str) -> None:
        visitor.refuse(reason)
        self._refused(visitor.address, reason)

    def _start(self, visitor: Visitor, plan: StreamPlan) -> None:
        with contextlib.suppress(OSError):  # vsock does not have this option
            visitor.connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _KEEPALIVE.items():
                visitor.connection.setsockopt(socket.IPPROTO_TCP, option, value)
        stream = _Stream(visitor, plan)
        try:
            threading.Thread(target=self._receive, args=(stream,), daemon=True).start()
        except RuntimeError:  # Python's error for EAGAIN
            self._turn_away(visitor, "this host lets the sink start no more threads")
            return
        self._streams.add(stream)

    def _receive(self, stream: _Stream) -> None:
        outcome: SinkReport | ZcprobeError | None = None
        try:
            outcome = receive(stream.visitor.connection, stream.plan, self._reading, stream.progress)
        except ZcprobeError as error:
            outcome = error
        finally:
            self._ended.put((stream, outcome))
            os.eventfd_write(self._wake_fd, 1)

    def _take_ended(self) -> list[ZcprobeError | None]:
        """The errors of streams that have ended since the last call; None for each stream without an error."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)
        found: list[ZcprobeError | None] = []
        while not self._ended.empty():
            stream, outcome = self._ended.get()
            self._streams.discard(stream)
            if self._next:
                self._start(*self._next.popleft())
            if isinstance(outcome, SinkReport):
                self._tell(outcome)
            elif outcome is not None and not self._one_off:
                self._refusals.tell(f"zcprobe: {outcome}")
            found.append(outcome if isinstance(outcome, ZcprobeError) else None)
        return found
