# SPDX-License-Identifier: GPL-2.0-only
"""The sink's process: listens where its run says, serves the requested number of connections, and ends."""

import os
import socket
import threading

import msgspec

from zcprobe.handshake import receive_plan
from zcprobe.native.process import allow_only_receiving, enter_netns
from zcprobe.parent import become_unprivileged, hear, live, say
from zcprobe.sink.listener import listen
from zcprobe.sink.stream import receive
from zcprobe.wire import Reading, SinkReady, SinkTask

__all__ = ["main"]


def _serve(server: socket.socket, connections: int, reading: Reading) -> None:
    """Serves that many connections, each in a thread; raises the first error once all have ended."""
    errors: list[Exception] = []

    def serve_next(connection: socket.socket) -> None:
        try:
            with connection:
                receive(connection, receive_plan(connection), reading)
        except Exception as error:
            errors.append(error)

    # not a thread pool, whose modules would take a tenth of this process's start
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
    """How to read from now on; None if the parent hung up."""
    _serve(server, task.calibrations, Reading())
    line = hear()
    return msgspec.json.decode(line, type=Reading) if line else None


def _work(task: SinkTask) -> None:
    if task.netns_path is not None:
        enter_netns(task.netns_path)
    if task.cpu is not None:
        os.sched_setaffinity(0, {task.cpu})
    with listen(task.address, task.port) as server:
        become_unprivileged()
        allow_only_receiving()
        say(SinkReady(server.getsockname()[1]))
        reading = _calibrate(server, task) if task.calibrations else task.reading
        if reading is not None:
            _serve(server, task.connections, reading)


def main() -> None:
    """A run's child process: it reads a `SinkTask`, says `SinkReady` and takes its connections. The senders, not the
    parent, get its reports."""
    live(SinkTask, _work)
