# SPDX-License-Identifier: GPL-2.0-only
"""The monitor of a QEMU that is played here: answers, refusals, events, and an end without an answer."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.senders.qmp import Monitor, MonitorError

Answer = Callable[[dict[str, Any]], list[dict[str, Any]]]


@contextmanager
def _played(answer: Answer) -> Iterator[Path]:
    """A monitor that answers each command with these messages, and leaves when there is none."""
    with TemporaryDirectory(prefix="zcprobe-") as folder, socket.socket(socket.AF_UNIX) as server:
        path = Path(folder) / "monitor"
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rwb") as lines:
                lines.write(b'{"QMP": {}}\n')
                lines.flush()
                for line in lines:
                    command = json.loads(line)
                    messages = [{"return": {}}] if command["execute"] == "qmp_capabilities" else answer(command)
                    if not messages:
                        return
                    lines.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
                    lines.flush()

        thread = threading.Thread(target=serve)
        thread.start()
        yield path
        thread.join(10)
        assert not thread.is_alive()


def test_events_are_passed_over_and_arguments_have_hyphens() -> None:
    with (
        _played(lambda command: [{"event": "STOP"}, {"return": command["arguments"]}]) as path,
        Monitor(path) as monitor,
    ):
        assert monitor.execute("migrate-set-parameters", max_bandwidth=7) == {"max-bandwidth": 7}


def test_a_refusal_is_told_in_the_words_of_qemu() -> None:
    with (
        _played(lambda command: [{"error": {"class": "GenericError", "desc": "no such thing"}}]) as path,
        Monitor(path) as monitor,
        pytest.raises(MonitorError, match="migrate: no such thing"),
    ):
        monitor.execute("migrate", uri="tcp:")


def test_a_qemu_that_leaves_is_an_error() -> None:
    with _played(lambda command: []) as path, Monitor(path) as monitor, pytest.raises(MonitorError, match="closed"):
        monitor.execute("query-migrate")


def test_a_monitor_that_never_comes_is_waited_for_only_so_long(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Monitor(tmp_path / "nothing", start_s=0.1)
