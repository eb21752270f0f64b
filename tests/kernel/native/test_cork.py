# SPDX-License-Identifier: GPL-2.0-only
"""TCP_CORK sends full segments while there is more to write, and does not delay the rest by 200 ms."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from zcprobe.config import RunConfig, SocketOptions
from zcprobe.host.zerocopy import SO_ZEROCOPY
from zcprobe.native import ffi, lib
from zcprobe.native.settings import fill_channel_config, fill_traffic
from zcprobe.native.structs import struct_to_dict
from zcprobe.workloads import Traffic

DATA_SEGS_OUT = slice(156, 160)
"""tcpi_data_segs_out in struct tcp_info."""
REQUESTS = 23


@contextmanager
def connected_sink(*, respond: bool) -> Iterator[socket.socket]:
    """A sender's socket, with our sink behind it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    config, result = ffi.new("struct zc_sink_config *"), ffi.new("struct zc_sink_result *")
    config.fd, config.control_fd, config.is_framed, config.respond = peer.fileno(), -1, respond, respond
    thread = threading.Thread(target=lib.zc_sink_run, args=(config, result))
    with sender, peer:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sender.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        thread.start()
        try:
            yield sender
        finally:
            sender.shutdown(socket.SHUT_WR)
            thread.join()


def send(sender: socket.socket, asked: RunConfig) -> dict[str, int]:
    channel, result, traffic = (
        ffi.new(f"struct {name} *") for name in ("zc_channel_config", "zc_result", "zc_traffic")
    )
    fill_channel_config(channel, asked, "sticky")
    fill_traffic(traffic, asked)
    channel.fd, channel.buffer_fd = sender.fileno(), -1
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, asked.socket.cork)
    assert lib.zc_sender_run(channel, result, 1, traffic) == 0
    assert result.outcome == lib.ZC_OUTCOME_COMPLETED
    return struct_to_dict(result)


def segments_sent(sender: socket.socket) -> int:
    info = sender.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, DATA_SEGS_OUT.stop)
    (count,) = struct.unpack("=I", info[DATA_SEGS_OUT])
    return int(count)


@pytest.mark.parametrize("zerocopy", [True, False], ids=["zerocopy", "copy"])
def test_a_corked_stream_ends_uncorked(zerocopy: bool) -> None:
    """tests/kernel/benchmark/test_traffic.py measures what that saves, where no delayed ACK hides it."""
    sockets = SocketOptions(cork=True)
    with connected_sink(respond=False) as sender:
        result = send(sender, RunConfig(send_bytes=1000, send_count=101, socket=sockets, zerocopy=zerocopy))
        assert sender.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK) == 0
    assert result["bytes_sent"] == 101_000


def test_a_request_is_one_segment_when_it_is_corked_and_does_not_wait() -> None:
    """Header and body, which are two writes, leave together once both are written."""

    def run(*, cork: bool) -> tuple[int, int]:
        asked = RunConfig(
            send_count=REQUESTS,
            traffic=Traffic(model="rpc", sizes=[(400, 1)], copy_below_bytes=0),
            socket=SocketOptions(cork=cork),
        )
        with connected_sink(respond=True) as sender:
            result = send(sender, asked)
            return segments_sent(sender), result["end_ns"] - result["start_ns"]

    assert run(cork=False)[0] == 2 * REQUESTS
    segments, duration_ns = run(cork=True)
    assert segments == REQUESTS
    assert duration_ns < 150_000_000


def test_a_corked_round_of_a_migration_is_flushed_without_a_wait() -> None:
    traffic = Traffic(
        model="migration", guest_bytes=1 << 20, dirty_bytes_per_s=1 << 40, downtime_ms=0, max_rounds=5, zero_percent=50
    )
    with connected_sink(respond=False) as sender:
        result = send(sender, RunConfig(traffic=traffic, socket=SocketOptions(cork=True)))
    assert result["round_count"] == 5
    assert result["end_ns"] - result["start_ns"] < 150_000_000
