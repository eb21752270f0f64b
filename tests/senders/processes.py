# SPDX-License-Identifier: GPL-2.0-only
"""Senders that are processes of their own, and a receiver that only counts."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.senders.programs import build
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import NamespacePair

__all__ = ["PORT", "PYTHON_SENDER", "Receiver", "SenderProcess", "receiver", "sender_process", "uring_sender"]

PYTHON_SENDER = (sys.executable, "-I", str(Path(__file__).with_name("python_sender.py")))
PORT = 5310
_BUFFER_BYTES = 1 << 20
_LONGEST_S = 60.0


def uring_sender(folder: Path) -> tuple[str, ...]:
    return (str(build("uring_sender.c", folder, "-luring")),)


class Receiver(threading.Thread):
    """Reads one connection to its end; `received` counts its bytes."""

    def __init__(self, pair: NamespacePair) -> None:
        super().__init__(daemon=True)
        address = (pair.sink.ipv4, PORT)
        self._listener = run_in_namespace(pair.sink.name, lambda: socket.create_server(address))
        self._listener.settimeout(_LONGEST_S)
        self.received = 0
        self.start()

    def run(self) -> None:
        with self._listener, self._listener.accept()[0] as connection:
            buffer = bytearray(_BUFFER_BYTES)
            while count := connection.recv_into(buffer):
                self.received += count


@contextmanager
def receiver(pair: NamespacePair) -> Iterator[Receiver]:
    """A receiver in the sink's namespace, which must have read a whole stream when the context is left."""
    found = Receiver(pair)
    yield found
    found.join(_LONGEST_S)
    assert not found.is_alive()


class SenderProcess:
    """A sender that has connected and waits."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def _say(self) -> None:
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def send(self) -> dict[str, Any]:
        """Has it send everything; what it counted. It still has its socket open then."""
        self._say()
        line = self._process.stdout.readline()
        assert line, "the sender ended early; its message is above"
        return json.loads(line)

    def end(self) -> None:
        self._say()
        assert self._process.wait(_LONGEST_S) == 0


@contextmanager
def sender_process(pair: NamespacePair, program: Sequence[str], *arguments: str) -> Iterator[SenderProcess]:
    """Starts the program in the sender's namespace, towards the receiver; leaving the context ends it."""
    words = ["nsenter", f"--net={pair.sender.path}", "--", *program, pair.sink.ipv4, str(PORT), *arguments]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield SenderProcess(process)
        finally:
            process.kill()
