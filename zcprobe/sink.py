"""The receiver: takes one stream after another, compares every byte with the expected one, and reports back.

On accept it sends `GREETING`, so that two versions that do not fit refuse each other; at the end of the stream it
answers on the same connection with one line of JSON, a `SinkReport`.
"""

import os
import socket
import sys

import msgspec

from zcprobe.errors import PeerError, UsageError, ZcprobeError
from zcprobe.native import ffi, lib
from zcprobe.native.process import die_with_parent, enter_netns

__all__ = ["DEFAULT_PORT", "GREETING", "Failure", "SinkReady", "SinkReport", "SinkTask", "listen", "main", "serve_one"]

DEFAULT_PORT = 5301
GREETING = b"zcprobe-sink 1\n"


class SinkTask(msgspec.Struct, frozen=True):
    """What a child process of a run is told: where to listen, and in which network namespace."""

    address: str
    port: int
    netns_path: str | None = None
    cpu: int | None = None


class SinkReady(msgspec.Struct, frozen=True):
    port: int


class Failure(msgspec.Struct, frozen=True):
    """An error of a run's child process, sink or sender, to be raised in the parent."""

    kind: str
    message: str
    hint: str


class SinkReport(msgspec.Struct, frozen=True):
    """`first_mismatch`: stream position of the first byte that was not as sent, None when all were."""

    bytes: int
    first_mismatch: int | None
    start_ns: int
    end_ns: int


def listen(address: str, port: int) -> socket.socket:
    """A listening socket; UsageError when the address is in use or is none of ours."""
    if not 0 <= port <= 65535:
        raise UsageError(f"there is no port {port}", "choose one from 1 to 65535 with -p")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen(16)
    except OSError as error:
        server.close()
        raise UsageError(
            f"the sink cannot listen on {address} port {port}: {error.strerror}",
            "choose another port with -p, or end what uses this one (ss -ltnp shows it)",
        ) from error
    return server


def serve_one(connection: socket.socket) -> SinkReport:
    """Receives one stream to its end and sends the report; PeerError when the connection breaks."""
    result = ffi.new("struct zc_sink_result *")
    with connection:
        try:
            connection.sendall(GREETING)
            status = lib.zc_sink_run(connection.fileno(), result)
            report = SinkReport(
                bytes=result.bytes,
                first_mismatch=None if result.first_mismatch == 2**64 - 1 else result.first_mismatch,
                start_ns=result.start_ns,
                end_ns=result.end_ns,
            )
            if status == 0:
                connection.sendall(msgspec.json.encode(report) + b"\n")
        except OSError as error:
            status = -(error.errno or 0)
    if status:
        raise PeerError(
            f"the sender's connection broke after {result.bytes} bytes: {os.strerror(-status)}",
            "look at what the sender says",
        )
    return report


def _say(message: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Child process of a run: the task as a line on stdin, one connection, then the end."""
    die_with_parent()
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=SinkTask)
    if task.netns_path is not None:
        enter_netns(task.netns_path)
    if task.cpu is not None:
        os.sched_setaffinity(0, {task.cpu})
    try:
        with listen(task.address, task.port) as server:
            _say(SinkReady(server.getsockname()[1]))
            connection, _ = server.accept()
            serve_one(connection)
    except ZcprobeError as error:
        _say(Failure(type(error).__name__, str(error), error.hint))
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
