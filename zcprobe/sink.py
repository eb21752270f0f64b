"""The receiver: takes streams, compares every byte with the expected one, and reports back.

`zcprobe.handshake` says how a connection begins. At the end of the stream the sink answers on the same connection with
a line of JSON, a `SinkReport`. Datagrams come beside it, to the UDP port named in the `Answer` to the plan.
"""

import errno
import os
import re
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import msgspec

from zcprobe.errors import HostError, PeerError, UsageError, ZcprobeError
from zcprobe.handshake import ANSWER_TIMEOUT_S, read_line, read_plan
from zcprobe.native import ffi, lib
from zcprobe.native.process import allow_only_receiving, die_with_parent, enter_netns, give_up_root
from zcprobe.units import shown
from zcprobe.wire import GREETING, Answer, Failure, Reading, SinkReady, SinkReport, SinkTask, StreamPlan, encode_line

__all__ = [
    "Progress",
    "hang_up",
    "listen",
    "main",
    "of_any_family",
    "receive",
    "serve_one",
    "socket_address",
    "socket_family",
]

_BACKLOG = 4096
_DATAGRAM_BUFFER_BYTES = 8 * 1024 * 1024


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


def _is_name(address: str) -> bool:
    """Whether a resolver can be asked for it: Python raises errors of several kinds for what it cannot encode."""
    try:
        labels = (address if address.isascii() else address.encode("idna").decode()).rstrip(".").split(".")
    except UnicodeError:
        return False
    return all(0 < len(label) < 64 for label in labels)


def socket_address(address: str, port: int) -> tuple[Any, ...]:
    """As bind() and connect() take it. UsageError for what is neither an address nor like the name of a host, and for a
    vsock context that has no number."""
    if not address.startswith("vsock:"):
        if not _is_name(address):
            raise UsageError(f"{shown(address)} is not like the name of any host", "give a name or an address")
        return (address, port)
    context = address.removeprefix("vsock:")
    if not re.fullmatch(r"[0-9]{1,10}", context) or int(context) >= 2**32:
        raise UsageError(
            f"{shown(address)} names no vsock context",
            "give vsock:CID: 1 is this host to itself, 2 the host of a guest, 4294967295 any",
        )
    return (int(context), port)


def of_any_family(connection: socket.socket) -> socket.socket:
    """The same socket, for options that are no int: on vsock Python refuses them, going by the family it was told."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=os.dup(connection.fileno()))


def hang_up(connection: socket.socket) -> None:
    """At once: closing throws away what the peer has not taken, instead of trying for minutes, and nothing of the
    connection stays in the kernel."""
    with suppress(OSError), of_any_family(connection) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def listen(address: str, port: int) -> socket.socket:
    """A listening socket; UsageError when the address is in use or is not one of ours."""
    if not 0 <= port <= 65535:
        raise UsageError(f"there is no port {port}", "choose one from 1 to 65535 with -p")
    where = socket_address(address, port)
    server = socket.socket(socket_family(address), socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(where)
        server.listen(_BACKLOG)
    except OSError as error:
        server.close()
        raise UsageError(
            f"the sink cannot listen on {address} port {port}: {error.strerror}",
            "choose another port with -p, or end what uses this one (ss -ltnp shows it)"
            if error.errno == errno.EADDRINUSE
            else "give an address of this host with -B (ip address shows them), and a port that you may use with -p",
        ) from error
    return server


def _open_datagrams(connection: socket.socket, plan: StreamPlan) -> socket.socket:
    """A UDP socket at the connection's own address, which takes datagrams of its sender alone."""
    own, peer = connection.getsockname(), connection.getpeername()
    datagrams = socket.socket(connection.family, socket.SOCK_DGRAM)
    try:
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _DATAGRAM_BUFFER_BYTES)
        datagrams.bind((own[0], 0, *own[2:]))
        datagrams.connect((peer[0], plan.datagram_port, *peer[2:]))
    except BaseException:
        datagrams.close()
        raise
    return datagrams


class Progress:
    """What has arrived so far of a stream that is being received: for another thread to look at."""

    def __init__(self) -> None:
        self.result = ffi.new("struct zc_sink_result *")

    @property
    def bytes(self) -> int:
        return int(self.result.bytes)


def _receive(
    connection: socket.socket, data: socket.socket, plan: StreamPlan, reading: Reading, progress: Progress
) -> SinkReport:
    config = ffi.new("struct zc_sink_config *")
    config.fd = data.fileno()
    config.control_fd = connection.fileno() if plan.is_datagram else -1
    for name in ("is_framed", "is_datagram", "respond"):
        setattr(config, name, getattr(plan, name))
    config.discard = reading.discard and not plan.respond
    config.read_bps = reading.read_bps
    config.stall_after_bytes = reading.stall_after_bytes
    config.stall_ns = int(reading.stall_s * 1e9)
    result = progress.result
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


def _answer(connection: socket.socket) -> None:
    """That the stream may come. OSError."""
    line = encode_line(Answer())
    status = lib.zc_sink_answer(connection.fileno(), line, len(line))
    if status:
        raise OSError(-status, os.strerror(-status))


def receive(
    connection: socket.socket, plan: StreamPlan, reading: Reading, progress: Progress | None = None
) -> SinkReport:
    """Tells the sender to go on, receives its stream to the end and sends the report; PeerError when the connection
    breaks."""
    progress = progress or Progress()
    connection.settimeout(None)
    with connection:
        try:
            if not plan.is_datagram:
                _answer(connection)
                report = _receive(connection, connection, plan, reading, progress)
            else:
                with _open_datagrams(connection, plan) as datagrams:
                    connection.sendall(encode_line(Answer(datagram_port=datagrams.getsockname()[1])))
                    report = _receive(connection, datagrams, plan, reading, progress)
            connection.sendall(encode_line(report))
        except OSError as error:
            raise PeerError(
                f"the sender's connection broke: {error.strerror or error}", "look at what the sender says"
            ) from error
    return report


def serve_one(connection: socket.socket, reading: Reading) -> SinkReport:
    """One stream of a sender that needs no token; PeerError when it does not say in time what it sends, or breaks."""
    with connection:
        try:
            connection.sendall(GREETING)
            line = read_line(connection, time.monotonic() + ANSWER_TIMEOUT_S)
        except OSError as error:
            raise PeerError(
                f"the sender did not say what it sends: {error.strerror or error}", "look at what the sender says"
            ) from error
        return receive(connection, read_plan(line, None, None), reading)


def serve(server: socket.socket, connections: int, reading: Reading) -> None:
    """That many connections, each in a thread; the first error of one is raised once all have ended."""
    errors: list[Exception] = []

    def serve_next(connection: socket.socket) -> None:
        try:
            serve_one(connection, reading)
        except Exception as error:
            errors.append(error)

    # no pool of threads: its modules are a tenth of what this process takes to start
    threads = []
    try:
        for _ in range(connections):
            threads.append(threading.Thread(target=serve_next, args=(server.accept()[0],)))
            threads[-1].start()
    finally:
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


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
            give_up_root()
            die_with_parent()  # with another user's name that has to be asked for anew
            allow_only_receiving()
            _say(SinkReady(server.getsockname()[1]))
            reading = _calibrate(server, task) if task.calibrations else task.reading
            if reading is not None:
                serve(server, task.connections, reading)
    except ZcprobeError as error:
        _say(Failure(type(error).__name__, str(error), error.hint))
        sys.exit(error.exit_code)
