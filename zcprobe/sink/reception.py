# SPDX-License-Identifier: GPL-2.0-only
"""Where strangers connect: one thread greets all who connect to a sink, reads the plan of each, and admits those whose
plan it accepts.

A silent stranger costs a descriptor for a short time. At most `MOST_WAITING` strangers wait, each for at most
`ANSWER_TIMEOUT_S`. When one more comes, the oldest of the address with the most of them is dropped, unless its plan has
arrived. A sender sends its plan within a round trip, so it is never the oldest for long. Nobody gets a thread or a
buffer without a complete plan and, if the sink has a token, the proof.
"""

import contextlib
import errno
import resource
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator

from zcprobe.endpoint import hang_up
from zcprobe.errors import HostError, PeerError
from zcprobe.handshake import ANSWER_TIMEOUT_S, LONGEST_LINE_BYTES, greet, read_plan
from zcprobe.tokens import make_challenge
from zcprobe.wire import Answer, StreamPlan, encode_line

__all__ = ["MOST_SERVED", "MOST_WAITING", "Reception", "Visitor", "descriptor_bounds"]

MOST_WAITING = 512
"""Most connections that were greeted and have not sent a plan."""

MOST_SERVED = 64
"""Most streams that are received at the same time, each with a thread and up to 1.6 MiB: as many as a run has
channels."""

_SPARE_DESCRIPTORS = 32
_DESCRIPTORS_PER_STREAM = 2
_ACCEPTS_IN_A_ROW = 64
_PAUSE_S = 0.1
"""Time before accept() is tried again when this host has no descriptor or memory for one more."""

_OUT_OF_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def descriptor_bounds() -> tuple[int, int]:
    """(most waiting, most served): the documented numbers, or fewer if this process may not open that many files.

    Raises the process's limit as far as allowed. HostError if that is too few for any sender.
    """
    wanted = MOST_WAITING + _DESCRIPTORS_PER_STREAM * MOST_SERVED + _SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = wanted - _SPARE_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft - _SPARE_DESCRIPTORS
    served = min(MOST_SERVED, room // (2 * _DESCRIPTORS_PER_STREAM))
    if served < 1:
        raise HostError(
            f"this process may open {soft} files, which is too few for a sink",
            f"raise the limit: ulimit -n {wanted}",
        )
    return min(MOST_WAITING, room - _DESCRIPTORS_PER_STREAM * served), served


class Visitor:
    """Somebody who connected; `address` is for people, without the port."""

    def __init__(self, connection: socket.socket, address: str, challenge: str | None) -> None:
        self.connection = connection
        self.address = address
        self.challenge = challenge
        self.said = b""
        self.deadline_s = time.monotonic() + ANSWER_TIMEOUT_S

    def refuse(self, reason: str) -> None:
        """Sends the reason, if that is possible without waiting, and hangs up."""
        with contextlib.suppress(OSError):
            self.connection.send(encode_line(Answer(refused=reason)), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
        self.connection.close()


def _readable_address(address: object) -> str:
    """The visitor for what accept() returns."""
    host = address[0] if isinstance(address, tuple) else address
    return f"vsock:{host}" if isinstance(host, int) else str(host)


class Reception:
    """`admit` is called with each visitor that gave a complete plan, and `refused` with the address of each that is not
    admitted and the reason."""

    def __init__(
        self,
        server: socket.socket,
        token: str | None,
        most_waiting: int,
        admit: Callable[[Visitor, StreamPlan], None],
        refused: Callable[[str, str], None],
    ) -> None:
        self._server = server
        self._token = token
        self._most_waiting = most_waiting
        self._admit = admit
        self._refused = refused
        self._waiting: dict[int, Visitor] = {}  # by descriptor, the oldest first
        self._counts: Counter[str] = Counter()  # number of those by address
        self._pause_until_s = 0.0
        self._poll = select.epoll()
        server.setblocking(False)
        self._poll.register(server.fileno(), select.EPOLLIN)

    def close(self) -> None:
        self._poll.close()
        for visitor in self._waiting.values():
            visitor.connection.close()
        self._waiting.clear()

    def watch(self, fd: int) -> None:
        """Adds a descriptor whose input ends a turn."""
        self._poll.register(fd, select.EPOLLIN)

    def turn(self, longest_s: float) -> None:
        """Waits for at most that long, and handles what happens."""
        events = self._poll.poll(self._wait_s(longest_s))
        # visitors with input first, because a new one may push out a visitor without input
        for fd, _ in events:
            if fd in self._waiting:
                self._listen_to(self._waiting[fd])
        if any(fd == self._server.fileno() for fd, _ in events):
            self._accept()
        self._expire()

    def _wait_s(self, longest_s: float) -> float:
        now_s = time.monotonic()
        if self._pause_until_s:
            longest_s = min(longest_s, self._pause_until_s - now_s)
        oldest = next(iter(self._waiting.values()), None)
        if oldest is not None:
            longest_s = min(longest_s, oldest.deadline_s - now_s)
        return max(longest_s, 0.0)

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_IN_A_ROW):
            try:
                connection, address = self._server.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # any other error is about a connection that is already gone
                if error.errno in _OUT_OF_ROOM:
                    self._make_room()
                    return
                continue
            self._greet(connection, _readable_address(address))

    def _make_room(self) -> None:
        """Drops the oldest visitor; if there is none, the next accept() waits a moment."""
        if self._waiting:
            self._send_one_away()
            return
        self._refused("everybody", "this process can open no more files")
        self._poll.modify(self._server.fileno(), 0)
        self._pause_until_s = time.monotonic() + _PAUSE_S

    def _greet(self, connection: socket.socket, address: str) -> None:
        challenge = None if self._token is None else make_challenge()
        visitor = Visitor(connection, address, challenge)
        try:
            connection.setblocking(False)
            connection.send(greet(challenge))
        except OSError:
            hang_up(connection)
            self._refused(address, "it hung up before it was greeted")
            return
        while len(self._waiting) >= self._most_waiting:
            self._send_one_away()
        self._waiting[connection.fileno()] = visitor
        self._counts[address] += 1
        self._poll.register(connection.fileno(), select.EPOLLIN)

    def _forget(self, visitor: Visitor) -> None:
        fd = visitor.connection.fileno()
        self._poll.unregister(fd)
        del self._waiting[fd]
        self._counts[visitor.address] -= 1
        if not self._counts[visitor.address]:
            del self._counts[visitor.address]

    def _send_one_away(self) -> None:
        address, _ = self._counts.most_common(1)[0]
        visitor = next(visitor for visitor in self._waiting.values() if visitor.address == address)
        if not self._listen_to(visitor):
            self._forget(visitor)
            hang_up(visitor.connection)
            self._refused(visitor.address, "it has not said what it sends, and others wait for its place")

    def _expire(self) -> None:
        now_s = time.monotonic()
        for visitor in self._late(now_s):
            if not self._listen_to(visitor):
                self._forget(visitor)
                hang_up(visitor.connection)
                self._refused(visitor.address, f"it has not said within {ANSWER_TIMEOUT_S:g} s what it sends")
        if self._pause_until_s and now_s >= self._pause_until_s:
            self._pause_until_s = 0.0
            self._poll.modify(self._server.fileno(), select.EPOLLIN)

    def _late(self, now_s: float) -> Iterator[Visitor]:
        while (oldest := next(iter(self._waiting.values()), None)) is not None and oldest.deadline_s <= now_s:
            yield oldest

    def _listen_to(self, visitor: Visitor) -> bool:
        """Reads what has arrived. Returns whether the visitor no longer waits: it was admitted, refused, or is gone."""
        try:
            piece = visitor.connection.recv(LONGEST_LINE_BYTES - len(visitor.said))
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        visitor.said += piece
        is_over = not piece or len(visitor.said) >= LONGEST_LINE_BYTES
        if not visitor.said.endswith(b"\n") and not is_over:
            return False
        self._forget(visitor)
        if not visitor.said:
            hang_up(visitor.connection)
            self._refused(visitor.address, "it hung up without a word")
            return True
        try:
            plan = read_plan(visitor.said, visitor.challenge, self._token)
        except PeerError as error:
            visitor.refuse(str(error))
            self._refused(visitor.address, str(error))
            return True
        self._admit(visitor, plan)
        return True
