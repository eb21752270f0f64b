# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe attach`, as a user starts it, beside a sender that runs."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import msgspec

from zcprobe.format.attachment import AttachmentSummary

__all__ = ["Attachment", "attached", "look_once"]

_COMMAND = (sys.executable, "-m", "zcprobe", "attach")
_START_S, _END_S = 30.0, 60.0


class Attachment:
    """`lines`: what `attach -j` printed, and `summary` its last line; both are there once it has ended."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []
        self.summary: AttachmentSummary

    def read(self, text: str) -> None:
        self.lines = [msgspec.json.decode(line) for line in text.splitlines()]
        assert [line["type"] for line in self.lines].count("summary") == 1
        self.summary = msgspec.convert(self.lines[-1], AttachmentSummary)
        if self.summary.detail == "causes":  # each refused call has a line
            refused = sum(socket.enobufs or 0 for socket in self.summary.sockets)
            assert [line["type"] for line in self.lines].count("enobufs") == refused


def _wait_until_attached(process: "subprocess.Popen[str]", kind: str) -> None:
    """Until it has descriptors of that kind, and no more are added; its first look follows within milliseconds."""
    deadline, before = time.monotonic() + _START_S, 0
    while not (count := sum(kind in name for name in _descriptors(process.pid))) or count != before:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "attach did not start to watch"
        before = count
        time.sleep(0.5)


def _descriptors(pid: int) -> list[str]:
    names = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            names.append(str(path.readlink()))
        except FileNotFoundError:
            continue
    return names


@contextmanager
def attached(pid: int, *options: str) -> Iterator[Attachment]:
    """Watches the process inside the context, then ends as by Ctrl-C. It must have no complaints."""
    found = Attachment()
    words = [*_COMMAND, "-p", str(pid), "-j", *options]
    with TemporaryFile("w+") as output:  # a pipe that nobody reads would cost lines
        with subprocess.Popen(words, stdout=output, stderr=subprocess.PIPE, text=True) as process:
            try:
                _wait_until_attached(process, "bpf_link" if "causes" in options else "bpf-prog")
                yield found
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=_END_S)
            finally:
                process.kill()
        assert (process.returncode, errors) == (-signal.SIGINT, "")
        output.seek(0)
        found.read(output.read())


def look_once(pid: int) -> "subprocess.CompletedProcess[str]":
    words = [*_COMMAND, "-p", str(pid), "--once"]
    return subprocess.run(words, capture_output=True, text=True, timeout=_END_S, check=False)
