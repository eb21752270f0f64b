# SPDX-License-Identifier: GPL-2.0-only
"""Strangers at a sink: many, one after another and at the same time, that are silent, slow, lying, hanging up or
flooding.

The sink must go on. Its memory stays below 100 MB and does not grow with their number. It has threads only for peers
that gave a plan, and a bounded number of them. A sender that comes in between is always served, with its content
intact.
"""

import os
import random
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from zcprobe.handshake import read_answer, read_line
from zcprobe.native import ffi, lib
from zcprobe.sink.reception import MOST_SERVED, MOST_WAITING
from zcprobe.wire import GREETING, SinkReport, StreamPlan, encode_line

__all__ = ["LONG", "SHORT", "attack"]

SHORT = 20_000
LONG = 100_000
"""Hostile connections, one after another."""

_MOST_SILENT = 2_000
_MOST_MEMORY_BYTES = 100 << 20
_MOST_GROWTH_BYTES = 16 << 20
_ROUNDS_BETWEEN_SENDERS = 250
_CONTENT_BYTES = 1 << 20
_SERVED_WITHIN_S = 10.0

Stranger = Callable[[socket.socket, random.Random], None]


class _Sink(NamedTuple):
    process: "subprocess.Popen[bytes]"
    port: int

    def read_status(self, name: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=_SERVED_WITHIN_S)


def _hang_up(stranger: socket.socket, dice: random.Random) -> None:
    pass


def _reset(stranger: socket.socket, dice: random.Random) -> None:
    stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _say_junk(stranger: socket.socket, dice: random.Random) -> None:
    stranger.sendall(dice.randbytes(dice.randrange(1, 200)) + b"\n")


def _say_part_of_a_plan(stranger: socket.socket, dice: random.Random) -> None:
    line = encode_line(StreamPlan())
    stranger.sendall(line[: dice.randrange(len(line))])


def _flood(stranger: socket.socket, dice: random.Random) -> None:
    stranger.sendall(b"x" * 65536)


def _speak_http(stranger: socket.socket, dice: random.Random) -> None:
    stranger.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")


def _damage_a_plan(stranger: socket.socket, dice: random.Random) -> None:
    line = bytearray(encode_line(StreamPlan(is_framed=True)))
    line[dice.randrange(len(line) - 1)] ^= 1 << dice.randrange(8)
    stranger.sendall(line)


def _plan_and_lie(stranger: socket.socket, dice: random.Random) -> None:
    """A plan that the sink accepts, and then no frames."""
    stranger.sendall(encode_line(StreamPlan(is_framed=True)))
    with suppress(OSError):
        stranger.recv(4096)
        stranger.sendall(dice.randbytes(dice.randrange(1, 5000)))


def _await_datagrams(stranger: socket.socket, dice: random.Random) -> None:
    stranger.sendall(encode_line(StreamPlan(is_datagram=True, datagram_port=dice.randrange(1, 65536))))


_STRANGERS: tuple[Stranger, ...] = (
    _hang_up,
    _reset,
    _say_junk,
    _say_part_of_a_plan,
    _flood,
    _speak_http,
    _damage_a_plan,
    _plan_and_lie,
    _await_datagrams,
)


def _content() -> bytes:
    buffer = ffi.new("uint8_t[]", _CONTENT_BYTES)
    lib.zc_pattern_fill(buffer, _CONTENT_BYTES)
    return bytes(ffi.buffer(buffer))


def _start() -> _Sink:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-m", "zcprobe", "sink", "-B", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sink = _Sink(process, port)
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        with suppress(OSError), sink.connect():
            return sink
        time.sleep(0.05)
    process.kill()
    raise TimeoutError("the sink did not start")


def _send(sink: _Sink, content: bytes) -> str | None:
    """What is wrong with how a sender is served; None if nothing is."""
    deadline_s = time.monotonic() + _SERVED_WITHIN_S
    try:
        with sink.connect() as sender:
            if (greeting := read_line(sender, deadline_s)) != GREETING:
                return f"a sender was greeted with {greeting!r}"
            sender.sendall(encode_line(StreamPlan()))
            read_answer(read_line(sender, deadline_s), "the sink")
            sender.sendall(content)
            sender.shutdown(socket.SHUT_WR)
            report = msgspec.json.decode(read_line(sender, deadline_s), type=SinkReport)
    except Exception as error:  # whatever it is: it is a finding
        return f"a sender was not served: {type(error).__name__}: {error}"
    if (report.bytes, report.first_mismatch) != (len(content), None):
        return f"of {len(content)} bytes of a sender {report.bytes} arrived, the first wrong at {report.first_mismatch}"
    return None


def _look(sink: _Sink, first_bytes: int, when: str) -> list[str]:
    if sink.process.poll() is not None:
        return [f"{when} the sink had ended with code {sink.process.returncode}"]
    memory_bytes, threads = sink.read_status("VmRSS") * 1024, sink.read_status("Threads")
    descriptors = len(os.listdir(f"/proc/{sink.process.pid}/fd"))
    findings = []
    if memory_bytes > _MOST_MEMORY_BYTES or memory_bytes > first_bytes + _MOST_GROWTH_BYTES:
        findings.append(f"{when} the sink had {memory_bytes} bytes of memory, and {first_bytes} at first")
    if threads > 1 + MOST_SERVED:
        findings.append(f"{when} the sink had {threads} threads")
    if descriptors > MOST_WAITING + 2 * MOST_SERVED + 32:
        findings.append(f"{when} the sink had {descriptors} open files")
    return findings


def _come_one_by_one(sink: _Sink, rounds: int, dice: random.Random, content: bytes, first_bytes: int) -> list[str]:
    findings: list[str] = []
    for number in range(rounds):
        with suppress(OSError), sink.connect() as stranger:
            dice.choice(_STRANGERS)(stranger, dice)
        if number % _ROUNDS_BETWEEN_SENDERS == 0:
            when = f"after {number + 1} strangers"
            wrong = _send(sink, content)
            findings += [f"{when} {wrong}"] if wrong else []
            findings += _look(sink, first_bytes, when)
        if len(findings) > 5:
            break
    return findings


def _come_together(sink: _Sink, count: int, content: bytes, first_bytes: int) -> list[str]:
    findings: list[str] = []
    with ExitStack() as stack:
        for number in range(count):
            try:
                stack.enter_context(sink.connect())
            except OSError as error:
                return [f"the silent connection {number + 1} of {count} was not taken: {error}"]
            if number % _ROUNDS_BETWEEN_SENDERS == 0 or number == count - 1:
                when = f"beside {number + 1} silent connections"
                wrong = _send(sink, content)
                findings += [f"{when} {wrong}"] if wrong else []
                findings += _look(sink, first_bytes, when)
    return findings


def attack(rounds: int, seed: int) -> list[str]:
    """A sentence for each thing that went wrong, with `rounds` strangers one after another, and a fiftieth of them (at
    least 500, at most 2,000) at the same time."""
    dice, content = random.Random(seed), _content()
    silent = min(max(500, rounds // 50), _MOST_SILENT)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, silent + 500)), hard))
    sink = _start()
    try:
        wrong = _send(sink, content)
        first_bytes = sink.read_status("VmRSS") * 1024
        findings = [wrong] if wrong else []
        findings += _come_together(sink, silent, content, first_bytes)
        findings += _come_one_by_one(sink, rounds, dice, content, first_bytes)
    finally:
        sink.process.kill()
        sink.process.wait()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return findings
