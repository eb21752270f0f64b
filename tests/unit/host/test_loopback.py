# SPDX-License-Identifier: GPL-2.0-only
"""A connection of a process to itself, while others on the same host connect as well."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from zcprobe.host.loopback import loopback_pair

Server = Callable[..., socket.socket]


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Three strangers that connect as soon as the port listens, before we do."""
    came: list[socket.socket] = []
    create_server: Server = socket.create_server

    def create_server_that_is_found(address: tuple[str, int]) -> socket.socket:
        server = create_server(address)
        came.extend(socket.create_connection(server.getsockname(), timeout=5) for _ in range(3))
        return server

    monkeypatch.setattr(socket, "create_server", create_server_that_is_found)
    yield came
    for stranger in came:
        stranger.close()


def test_both_ends_are_ours(strangers: list[socket.socket]) -> None:
    sender, receiver = loopback_pair(5)
    with sender, receiver:
        assert sender.getpeername() == receiver.getsockname()
        assert sender.getsockname() == receiver.getpeername()
        sender.sendall(b"1009")
        assert receiver.recv(4096, socket.MSG_WAITALL) == b"1009"
    assert [stranger.recv(1) for stranger in strangers] == [b"", b"", b""]


def test_strangers_without_end_are_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our connection does not get through, because another one has its place in the queue."""
    over = threading.Event()
    create_server: Server = socket.create_server
    threads = []

    def hammer(address: tuple[str, int]) -> None:
        while not over.is_set():
            with suppress(OSError):
                socket.create_connection(address, timeout=5).close()

    def create_server_that_is_found(address: tuple[str, int]) -> socket.socket:
        server = create_server(address)
        threads.append(threading.Thread(target=hammer, args=(server.getsockname(),)))
        threads[-1].start()
        return server

    monkeypatch.setattr(socket, "create_server", create_server_that_is_found)
    connect = socket.create_connection
    monkeypatch.setattr(
        "zcprobe.host.loopback.socket.create_connection",
        lambda address, timeout: (
            connect(address, timeout=timeout)
            if threading.current_thread() is not threading.main_thread()
            else socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        ),
    )
    with pytest.raises(TimeoutError):
        loopback_pair(0.5)
    over.set()
    threads[0].join()
