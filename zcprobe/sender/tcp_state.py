"""What the kernel's TCP knows of a connection, whatever the program at the other end says."""

import socket
import struct

import msgspec

__all__ = ["TcpState", "read_tcp_state"]

_TOTAL_RETRANS = struct.Struct("=100xI")
_BYTES_ACKED = struct.Struct("=120xQ")
"""Places in struct tcp_info (linux/tcp.h), which only ever grows at its end."""


class TcpState(msgspec.Struct, frozen=True):
    """`retransmit_count`: segments sent again since the connection began. `acked_bytes`: acknowledged by the peer's
    kernel, whether or not its program has read them; the SYN counts as one."""

    retransmit_count: int
    acked_bytes: int


def read_tcp_state(connection: socket.socket) -> TcpState:
    """Of a TCP socket, connected or broken (TCP_INFO)."""
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.size)
    return TcpState(_TOTAL_RETRANS.unpack_from(told)[0], _BYTES_ACKED.unpack(told)[0])
