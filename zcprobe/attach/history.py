# SPDX-License-Identifier: GPL-2.0-only
"""What was seen of one socket, look by look. It takes the same memory however long the socket is watched."""

from zcprobe.probes.socket_looks import SocketLook

__all__ = ["Levels", "SocketHistory"]


class Levels:
    """Highest levels of one socket over some looks: of optmem, of its two parts, and of the error queue."""

    def __init__(self) -> None:
        self.optmem_bytes = 0
        self.in_flight_bytes: int | None = None
        self.unread_bytes: int | None = None
        self.errqueue_depth = 0

    def add(self, look: SocketLook, parts: tuple[int, int] | None) -> None:
        """Adds one look. `parts`: bytes in flight and unread, if the charge of a notification is known."""
        self.optmem_bytes = max(self.optmem_bytes, look.optmem_bytes)
        self.errqueue_depth = max(self.errqueue_depth, look.errqueue_depth)
        if parts is not None:
            self.in_flight_bytes = max(self.in_flight_bytes or 0, parts[0])
            self.unread_bytes = max(self.unread_bytes or 0, parts[1])


class SocketHistory:
    """One socket of one process.

    `number` counts the sockets of an attachment from 0. `sends` and `bytes_sent` are counted since the socket is
    watched; `from_birth`: since it was opened. `host_limit_bytes`: the limit of a kernel that has one for all network
    namespaces, or None. `baseline_bytes`: the part of optmem that no notification holds. All notifications of a kernel
    have the same charge, so it is what a level leaves over when it is divided by the charge.
    """

    def __init__(
        self,
        number: int,
        pid: int,
        look: SocketLook,
        time_ns: int,
        *,
        from_birth: bool,
        host_limit_bytes: int | None = None,
    ) -> None:
        self.number = number
        self._host_limit_bytes = host_limit_bytes
        self.pid = pid
        self.look = look
        self.time_ns = time_ns
        self.is_open = True
        self.sends = look.next_send_id if from_birth else 0
        self.bytes_sent = look.bytes_sent - look.bytes_repeated if from_birth else 0
        self.charge_bytes = 0
        self.baseline_bytes: int | None = None
        self.sndbuf_bytes = look.sndbuf_bytes
        self.whole = Levels()
        self.recent = Levels()

    def add(self, look: SocketLook, time_ns: int, charge_bytes: int) -> None:
        """Adds the next look, or once more the one that it was made with."""
        # an aborted send takes its id back, so a difference of the 32-bit counter may be -1
        self.sends += ((look.next_send_id - self.look.next_send_id + 2**31) & 0xFFFFFFFF) - 2**31
        before = self.look.bytes_sent - self.look.bytes_repeated
        self.bytes_sent += max(0, look.bytes_sent - look.bytes_repeated - before)
        self.sndbuf_bytes = max(self.sndbuf_bytes, look.sndbuf_bytes)
        self.look, self.time_ns, self.charge_bytes = look, time_ns, charge_bytes
        if charge_bytes:
            left = look.optmem_bytes % charge_bytes
            self.baseline_bytes = left if self.baseline_bytes is None else min(left, self.baseline_bytes)
        for levels in (self.whole, self.recent):
            levels.add(look, self.parts)

    @property
    def optmem_max_bytes(self) -> int | None:
        """The limit in force in the socket's network namespace."""
        return self.look.optmem_max_bytes or self._host_limit_bytes

    @property
    def parts(self) -> tuple[int, int] | None:
        """Bytes of optmem that sends in flight hold now, and that unread notifications hold; None where the charge of a
        notification is not known."""
        if self.baseline_bytes is None:
            return (0, 0) if not self.look.optmem_bytes else None
        held = max(0, self.look.optmem_bytes - self.baseline_bytes)
        unread = min(held, self.look.errqueue_depth * self.charge_bytes)
        return held - unread, unread

    def begin_interval(self) -> None:
        self.recent = Levels()
        self.recent.add(self.look, self.parts)
