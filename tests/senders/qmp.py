# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's monitor protocol, as far as a migration needs it: one command at a time, events passed over."""

import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

__all__ = ["Monitor", "MonitorError"]

_ANSWER_S = 60.0
"""Longest wait for an answer. QEMU's main loop waits while a failed migration joins its threads."""


class MonitorError(Exception):
    """QEMU's own description of why a command failed, or of how it left."""


class Monitor:
    """A connection to the monitor of a QEMU that listens on the unix socket at `path`, or will within `start_s`."""

    def __init__(self, path: Path, start_s: float = 20.0) -> None:
        self._socket = _connect(path, start_s)
        self._lines = self._socket.makefile("rb")
        self._read()  # the greeting
        self.execute("qmp_capabilities")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lines.close()
        self._socket.close()

    def _read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise MonitorError("QEMU closed its monitor")
        message: dict[str, Any] = msgspec.json.decode(line)
        return message

    def execute(self, command: str, **arguments: object) -> Any:
        """What the command returns; MonitorError if QEMU refuses or leaves, TimeoutError if it does not answer.
        Underscores in names of arguments are hyphens there."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._socket.sendall(msgspec.json.encode({"execute": command, "arguments": named}) + b"\n")
        while "return" not in (message := self._read()):
            if "error" in message:
                raise MonitorError(f"{command}: {message['error']['desc']}")
        return message["return"]


def _connect(path: Path, start_s: float) -> socket.socket:
    deadline = time.monotonic() + start_s
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_ANSWER_S)
        try:
            connection.connect(str(path))
            return connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)
