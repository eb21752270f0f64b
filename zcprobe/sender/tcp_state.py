# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel's TCP knows about a connection, independent of what the program at the other end reports."""

import socket
import struct

import msgspec

__all__ = ["TcpState", "read_tcp_state"]

_TOTAL_RETRANS = struct.Struct("=100xI")
_BYTES_ACKED = struct.Struct("=120xQ")
"""Offsets in struct tcp_info (linux/tcp.h), which only grows at its end."""


class TcpState(msgspec.Struct, frozen=True):
    """`retransmit_count`: segments retransmitted since the connection began. `acked_bytes`: bytes acknowledged by the
    peer's kernel, whether or not its program has read them; the SYN counts as one byte."""

    retransmit_count: int
    acked_bytes: int


def read_tcp_state(connection: socket.socket) -> TcpState:
    """The state of a TCP socket, connected or broken (TCP_INFO)."""
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.size)
    return TcpState(_TOTAL_RETRANS.unpack_from(told)[0], _BYTES_ACKED.unpack(told)[0])
