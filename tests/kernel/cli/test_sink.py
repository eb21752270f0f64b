# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe sink`: the receiver alone."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from zcprobe.handshake import read_line
from zcprobe.native import ffi, lib
from zcprobe.wire import GREETING, Answer, SinkReport, StreamPlan, encode_line

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

LENGTH = 3 * 1024 * 1024 + 7
FRAME_BYTES = ffi.sizeof("struct zc_frame")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def sink(start_zcprobe: Start) -> "tuple[subprocess.Popen[str], int]":
    port = free_port()
    process = start_zcprobe("sink", "-B", "127.0.0.1", "-p", str(port))
    assert process.stderr is not None
    assert process.stderr.readline() == f"listening on 127.0.0.1 port {port}\n"
    return process, port


def pattern(count: int) -> bytes:
    buffer = ffi.new("uint8_t[]", count)
    lib.zc_pattern_fill(buffer, count)
    return bytes(ffi.buffer(buffer))


def announce(connection: socket.socket, plan: StreamPlan) -> Answer:
    assert read_line(connection, time.monotonic() + 10) == GREETING
    connection.sendall(encode_line(plan))
    return msgspec.json.decode(read_line(connection, time.monotonic() + 10), type=Answer)


@contextmanager
def sending_datagrams(port: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The connection, and a UDP socket at which the sink expects them to be sent."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as control,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as data,
    ):
        data.bind(("127.0.0.1", 0))
        answer = announce(control, StreamPlan(is_datagram=True, datagram_port=data.getsockname()[1]))
        data.connect(("127.0.0.1", answer.datagram_port))
        yield control, data


def read_report(connection: socket.socket) -> SinkReport:
    return msgspec.json.decode(read_line(connection, time.monotonic() + 10), type=SinkReport)


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        assert announce(connection, StreamPlan()) == Answer()
        yield connection


def frame(position: int, payload: bytes) -> bytes:
    header = ffi.new("struct zc_frame *", (lib.ZC_FRAME_MAGIC, FRAME_BYTES, position, len(payload)))
    return bytes(ffi.buffer(header)) + payload


def send(port: int, content: bytes) -> SinkReport:
    with connected(port) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        return read_report(connection)


def test_it_counts_compares_and_serves_the_next(sink: "tuple[subprocess.Popen[str], int]") -> None:
    process, port = sink
    content = pattern(LENGTH)
    for first_mismatch in (None, 0, 4096, LENGTH - 1):
        wrong = bytearray(content)
        if first_mismatch is not None:
            wrong[first_mismatch] ^= 1
        report = send(port, bytes(wrong))
        assert (report.bytes, report.first_mismatch) == (LENGTH, first_mismatch)
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(4)]
    assert all(line.startswith(f"received {LENGTH} bytes") for line in said)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == -signal.SIGINT


def test_a_broken_connection_does_not_end_it(sink: "tuple[subprocess.Popen[str], int]") -> None:
    process, port = sink
    with connected(port) as connection:
        connection.sendall(pattern(1009))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert process.stderr is not None
    assert "broke" in process.stderr.readline()
    assert send(port, pattern(1009)).bytes == 1009


def test_an_address_in_use_is_refused(sink: "tuple[subprocess.Popen[str], int]", zcprobe: Command) -> None:
    _, port = sink
    result = zcprobe("sink", "-B", "127.0.0.1", "-p", str(port))
    assert result.returncode == 2
    what, to_do = result.stderr.splitlines()
    assert "in use" in what
    assert "-p" in to_do


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (("-p", "99999"), "99999"),
        (("-B", "no.such.host.invalid"), "no.such.host.invalid"),
        (("-B", "192.0.2.1"), "192."),
    ],
)
def test_an_address_that_is_none_is_refused(words: tuple[str, ...], needle: str, zcprobe: Command) -> None:
    result = zcprobe("sink", *words)
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert "Unknown error" not in result.stderr
    assert needle in result.stderr


@pytest.mark.parametrize(("broken", "code"), [(False, 0), (True, 1)])
def test_one_off_ends_with_the_result_of_its_sender(broken: bool, code: int, start_zcprobe: Start) -> None:
    port = free_port()
    process = start_zcprobe("sink", "-B", "127.0.0.1", "-p", str(port), "-1")
    assert process.stderr is not None
    process.stderr.readline()
    if broken:
        with connected(port) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    else:
        send(port, pattern(1009))
    assert process.wait(10) == code


@pytest.mark.parametrize("damage", ["magic", "position", "payload"])
def test_where_a_framed_stream_goes_wrong_is_told(damage: str, sink: "tuple[subprocess.Popen[str], int]") -> None:
    """The error is in the third frame; the whole stream may arrive at once."""
    _, port = sink
    content = pattern(300)
    frames = [bytearray(frame(position, content[position : position + 100])) for position in (0, 100, 200)]
    third = 2 * len(frames[0])
    at, told = {"magic": (0, 0), "position": (8, FRAME_BYTES), "payload": (FRAME_BYTES + 7, FRAME_BYTES + 7)}[damage]
    frames[2][at] ^= 1
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        announce(connection, StreamPlan(is_framed=True))
        connection.sendall(b"".join(frames))
        connection.shutdown(socket.SHUT_WR)
        assert read_report(connection).first_mismatch == third + told


def test_a_datagram_that_arrives_again_counts_once(sink: "tuple[subprocess.Popen[str], int]") -> None:
    """Datagrams are recognised by the position that each carries: none of 23 is missing, and one came three times."""
    process, port = sink
    content = pattern(23 * 100)
    frames = [frame(position, content[position : position + 100]) for position in range(0, len(content), 100)]
    with sending_datagrams(port) as (control, data):
        for sent in (*frames, frames[7], frames[7]):
            data.send(sent)
        control.shutdown(socket.SHUT_WR)
        report = read_report(control)
    assert (report.frames, report.duplicates, report.bytes) == (23, 2, 23 * (100 + FRAME_BYTES))
    assert report.first_mismatch is None
    assert process.stdout is not None
    assert " in 23 datagrams, 2 arrived again, intact\n" in process.stdout.readline()


def test_datagrams_that_come_after_the_word_of_the_end_are_received(sink: "tuple[subprocess.Popen[str], int]") -> None:
    _, port = sink
    with sending_datagrams(port) as (control, data):
        control.shutdown(socket.SHUT_WR)
        time.sleep(0.01)
        data.send(frame(0, pattern(100)))
        report = read_report(control)
    assert (report.frames, report.bytes) == (1, 100 + FRAME_BYTES)
