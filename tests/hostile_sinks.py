# SPDX-License-Identifier: GPL-2.0-only
"""Hostile sinks for `zcprobe run --to`: a server, and what it does with each connection."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.outside import Processes
from zcprobe.wire import GREETING, Answer, encode_line

__all__ = ["Handle", "after", "drip", "flood", "greet", "nothing", "peak_bytes", "say", "sink", "take_all"]

Handle = Callable[[socket.socket], None]

FLOOD_BYTES = 1 << 30


@contextmanager
def sink(handle: Handle) -> Iterator[int]:
    """A server for any number of connections, which are given to `handle` until the test ends."""
    kept = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(connection: socket.socket) -> None:
            with suppress(OSError):
                handle(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    kept.append(server.accept()[0])
                    threading.Thread(target=serve, args=(kept[-1],), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for connection in kept:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        thread.join()


def flood(connection: socket.socket) -> None:
    """Sends a line without an end."""
    for _ in range(FLOOD_BYTES >> 20):
        connection.sendall(b"x" * (1 << 20))


def drip(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x")
        time.sleep(0.2)


def greet(connection: socket.socket) -> None:
    connection.sendall(GREETING)
    connection.recv(4096)


def take_all(connection: socket.socket) -> None:
    greet(connection)
    connection.sendall(encode_line(Answer()))
    while connection.recv(1 << 20):
        pass


def after(before: Handle, then: Handle) -> Handle:
    def handle(connection: socket.socket) -> None:
        before(connection)
        then(connection)

    return handle


def say(words: bytes) -> Handle:
    return lambda connection: connection.sendall(words)


def nothing(connection: socket.socket) -> None:
    pass


def peak_bytes(processes: Processes) -> int:
    lines = Path(f"/proc/{processes.sender}/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
