"""The receiver: takes streams, compares every byte with the expected one, and reports back.

On accept it sends `GREETING`, so that two versions that do not fit refuse each other. The sender answers with a line of
JSON, a `StreamPlan`, which says how to read what follows. At the end of the stream the sink answers on the same
connection with a line of JSON, a `SinkReport`. Datagrams come beside it, to the UDP port named in `SinkReady`.
"""

import errno
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from zcprobe.config import DEFAULT_PORT
from zcprobe.errors import HostError, PeerError, UsageError, ZcprobeError
from zcprobe.native import ffi, lib
from zcprobe.native.process import die_with_parent, enter_netns

__all__ = [
    "DEFAULT_PORT",
    "GREETING",
    "Failure",
    "Reading",
    "SinkReady",
    "SinkReport",
    "SinkTask",
    "StreamPlan",
    "listen",
    "main",
    "of_any_family",
    "serve_one",
    "socket_family",
]

GREETING = b"zcprobe-sink 3\n"
_PLAN_TIMEOUT_S = 10.0
_DATAGRAM_BUFFER_BYTES = 8 * 1024 * 1024


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How the sink reads: at most `read_bps`; once, after `stall_after_bytes`, not at all for `stall_s`; `discard`
    takes bytes off the socket without looking (MSG_TRUNC), so that their content is not verified."""

    read_bps: int = 0
    stall_after_bytes: int = 0
    stall_s: float = 0.0
    discard: bool = False


class SinkTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a child process of a run is told: where to listen, for how many senders, in which network namespace.

    The first `calibrations` connections it reads as fast as it can. Then it waits for a line, a `Reading`, which takes
    the place of `reading`.
    """

    address: str
    port: int
    connections: int = 1
    calibrations: int = 0
    reading: Reading = Reading()
    netns_path: str | None = None
    cpu: int | None = None


class SinkReady(msgspec.Struct, frozen=True):
    port: int


class Failure(msgspec.Struct, frozen=True):
    """An error of a run's child process, sink or sender, to be raised in the parent."""

    kind: str
    message: str
    hint: str


class StreamPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender of one connection is about to send."""

    is_framed: bool = False
    is_datagram: bool = False
    respond: bool = False


class SinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """`bytes`, `frames` (or datagrams): what arrived. A datagram that arrives again counts once, and its repeats are
    `duplicates`; None: no datagrams, or nobody looked. `first_mismatch`: stream position of the first byte that was not
    as sent, None when all were. `verified`: the content was looked at. `pause_ns`: how long its own pace kept it from
    reading. `datagram_port`: sent ahead of the rest where datagrams are awaited."""

    bytes: int = 0
    frames: int = 0
    duplicates: int | None = None
    first_mismatch: int | None = None
    verified: bool = True
    start_ns: int = 0
    end_ns: int = 0
    pause_ns: int = 0
    datagram_port: int | None = None


def socket_family(address: str) -> int:
    """The address family of `vsock:CID`, an IPv6 or an IPv4 address. HostError when this kernel has none such."""
    if not address.startswith("vsock:"):
        return socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
    except OSError as error:
        raise HostError(
            f"this kernel has no vsock: {error.strerror}", "load vsock_loopback or vhost_vsock (CONFIG_VSOCKETS)"
        ) from error
    return socket.AF_VSOCK


def socket_address(address: str, port: int) -> tuple[Any, ...]:
    if address.startswith("vsock:"):
        return (int(address.removeprefix("vsock:")), port)
    return (address, port)


def of_any_family(connection: socket.socket) -> socket.socket:
    """The same socket, for options that are no int: on vsock Python refuses them, going by the family it was told."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=os.dup(connection.fileno()))


def listen(address: str, port: int) -> socket.socket:
    """A listening socket; UsageError when the address is in use or is none of ours."""
    if not 0 <= port <= 65535:
        raise UsageError(f"there is no port {port}", "choose one from 1 to 65535 with -p")
    server = socket.socket(socket_family(address), socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(socket_address(address, port))
        server.listen(128)
    except OSError as error:
        server.close()
        raise UsageError(
            f"the sink cannot listen on {address} port {port}: {error.strerror}",
            "choose another port with -p, or end what uses this one (ss -ltnp shows it)",
        ) from error
    return server


def _receive_plan(connection: socket.socket) -> StreamPlan:
    connection.settimeout(_PLAN_TIMEOUT_S)
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte or len(line) > 4096:
            raise PeerError("what connected is no zcprobe sender", "connect with zcprobe run --to")
        line += byte
    connection.settimeout(None)
    try:
        return msgspec.json.decode(line, type=StreamPlan)
    except msgspec.DecodeError:
        raise PeerError(
            f"the sender announced what this sink does not know: {line[:80]!r}",
            "run the same version of zcprobe on both sides",
        ) from None


def _open_datagrams(connection: socket.socket) -> socket.socket:
    """A UDP socket at the connection's own address; its port is told to the sender."""
    datagrams = socket.socket(connection.family, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _DATAGRAM_BUFFER_BYTES)
    datagrams.bind((connection.getsockname()[0], 0))
    _send_report(connection, SinkReport(datagram_port=datagrams.getsockname()[1]))
    return datagrams


def _send_report(connection: socket.socket, report: SinkReport) -> None:
    connection.sendall(msgspec.json.encode(report) + b"\n")


def _receive(connection: socket.socket, data: socket.socket, plan: StreamPlan, reading: Reading) -> SinkReport:
    config = ffi.new("struct zc_sink_config *")
    config.fd = data.fileno()
    config.control_fd = connection.fileno() if plan.is_datagram else -1
    for name in ("is_framed", "is_datagram", "respond"):
        setattr(config, name, getattr(plan, name))
    config.discard = reading.discard and not plan.respond
    config.read_bps = reading.read_bps
    config.stall_after_bytes = reading.stall_after_bytes
    config.stall_ns = int(reading.stall_s * 1e9)
    result = ffi.new("struct zc_sink_result *")
    status = lib.zc_sink_run(config, result)
    if status == -errno.ENOMEM:
        raise HostError("the sink has no memory for its buffers", "free some memory")
    if status:
        raise PeerError(
            f"the sender's connection broke after {result.bytes} bytes: {os.strerror(-status)}",
            "look at what the sender says",
        )
    return SinkReport(
        bytes=result.bytes,
        frames=result.frame_count,
        duplicates=result.duplicate_count if plan.is_datagram and not config.discard else None,
        first_mismatch=None if result.first_mismatch == 2**64 - 1 else result.first_mismatch,
        verified=not config.discard,
        start_ns=result.start_ns,
        end_ns=result.end_ns,
        pause_ns=result.pause_ns,
    )


def serve_one(connection: socket.socket, reading: Reading) -> SinkReport:
    """Receives one stream to its end and sends the report; PeerError when the connection breaks."""
    with connection:
        try:
            connection.sendall(GREETING)
            plan = _receive_plan(connection)
            if not plan.is_datagram:
                report = _receive(connection, connection, plan, reading)
            else:
                with _open_datagrams(connection) as datagrams:
                    report = _receive(connection, datagrams, plan, reading)
            _send_report(connection, report)
        except OSError as error:
            raise PeerError(
                f"the sender's connection broke: {error.strerror or error}", "look at what the sender says"
            ) from error
    return report


def serve(server: socket.socket, connections: int, reading: Reading) -> None:
    """That many connections, each in a thread; the first error of one is raised once all have ended."""
    with ThreadPoolExecutor(max_workers=connections) as pool:
        served = [pool.submit(serve_one, server.accept()[0], reading) for _ in range(connections)]
    for future in served:
        future.result()


def _calibrate(server: socket.socket, task: SinkTask) -> Reading | None:
    """How to read from then on; None when the parent hung up."""
    serve(server, task.calibrations, Reading())
    line = sys.stdin.buffer.readline()
    return msgspec.json.decode(line, type=Reading) if line else None


def _say(message: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Child process of a run: the task as a line on stdin, its connections, then the end."""
    die_with_parent()
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=SinkTask)
    if task.netns_path is not None:
        enter_netns(task.netns_path)
    if task.cpu is not None:
        os.sched_setaffinity(0, {task.cpu})
    try:
        with listen(task.address, task.port) as server:
            _say(SinkReady(server.getsockname()[1]))
            reading = _calibrate(server, task) if task.calibrations else task.reading
            if reading is not None:
                serve(server, task.connections, reading)
    except ZcprobeError as error:
        _say(Failure(type(error).__name__, str(error), error.hint))
        sys.exit(error.exit_code)
