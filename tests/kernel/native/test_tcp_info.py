# SPDX-License-Identifier: GPL-2.0-only
"""Samples of TCP_INFO beside what Python reads of the same socket."""

import socket
import struct
import time

from zcprobe.channel import ZeroCopyChannel

PIECE = b"x" * 65536
RTT, RTT_VAR, CWND, MIN_RTT, DELIVERY_RATE, SND_MSS = 68, 72, 80, 148, 160, 16
"""Offsets in struct tcp_info (linux/tcp.h). The rate is of 8 bytes, the others are of 4."""


def members(connection: socket.socket) -> dict[str, int]:
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 168)

    def number(offset: int) -> int:
        return int(struct.unpack_from("=I", told, offset)[0])

    return {
        "rtt_ns": number(RTT) * 1000,
        "rtt_var_ns": number(RTT_VAR) * 1000,
        "rtt_min_ns": number(MIN_RTT) * 1000,
        "cwnd_bytes": number(CWND) * number(SND_MSS),
        "delivery_rate_bps": int(struct.unpack_from("=Q", told, DELIVERY_RATE)[0]) * 8,
    }


def test_the_first_sample_is_what_the_kernel_tells_anybody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    with sender, peer:
        for _ in range(8):
            sender.sendall(PIECE)
            assert len(peer.recv(len(PIECE), socket.MSG_WAITALL)) == len(PIECE)
        time.sleep(0.1)  # until the last acknowledgement was counted: nothing changes any more
        expected = members(sender)
        with ZeroCopyChannel(sender) as channel:
            (sample,) = channel.records("tcp_info").to_dict("records")
    assert {name: sample[name] for name in expected} == expected
    assert min(expected.values()) > 0
    assert (sample["channel"], sample["retransmit_count"]) == (0, 0)


def test_a_datagram_socket_has_none() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", 9))
        with ZeroCopyChannel(sender) as channel:
            assert channel.records("tcp_info").empty
            assert len(channel.records("meminfo")) == 1
