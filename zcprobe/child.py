# SPDX-License-Identifier: GPL-2.0-only
"""A child process of a run (sender or sink). Messages are lines of JSON; the process is never left behind."""

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from zcprobe.errors import PeerError, ZcprobeError
from zcprobe.handover import hand_files
from zcprobe.isolation import python_command
from zcprobe.wire import NOT_DECODED, Failure

__all__ = ["Child"]

Message = TypeVar("Message", bound=msgspec.Struct)

_GRACE_S = 2.0
_LONGEST_END_S = 10.0
"""Time for a process to end after its last message; it takes some milliseconds."""

_LONGEST_LINE_BYTES = 4 << 20
"""Far more than the report of 64 channels takes. It keeps a peer from filling our memory by way of a child."""

_LONGEST_WORDS_BYTES = 65536
_LOOK_INTERVAL_S = 0.25
_STOPPED_S = 3.0
"""Longest time that a process may be stopped (SIGSTOP) before anything is measured."""

_PACKAGES = ("zcprobe", "msgspec", "_cffi_backend")
"""Packages that a child imports besides Python's own."""


class Child:
    """Runs a module's main() in a new session, so that Ctrl-C reaches only the parent, which decides.

    `stopped_s`: about how long the process was seen stopped; `cpus`: the CPUs on which its threads could run at the
    last look. It can be started before its task is known, because importing its modules takes most of the start.
    """

    def __init__(self, module: str, task: msgspec.Struct | None = None, *, takes_files: bool = False) -> None:
        """With `takes_files` the child has a socket (its descriptor `files_fd`) over which `hand_files` sends to it."""
        self._name = module.split(".")[1]
        self._pending = b""
        theirs: socket.socket | None = None
        self._files: socket.socket | None = None
        if takes_files:
            self._files, theirs = socket.socketpair()
        self.files_fd = None if theirs is None else theirs.fileno()
        self.stopped_s = 0.0
        self.cpus: set[int] | None = None
        self.process = subprocess.Popen(
            python_command(module, _PACKAGES),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=() if theirs is None else (theirs.fileno(),),
        )
        if theirs is not None:
            theirs.close()
        if task is not None:
            self.assign(task)

    def assign(self, task: msgspec.Struct) -> None:
        """Sends the child its first line, for which it waits."""
        self.send_line(msgspec.json.encode(task))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the process if it still runs, first by SIGTERM, then by SIGKILL."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # closing tries again to send what could not be sent
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.send_signal(signal.SIGCONT)  # a stopped process would handle SIGTERM only after it continues
            try:
                self.process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for stream in (self.process.stdout, self.process.stderr, self._files):
            if stream is not None:
                stream.close()

    def send_line(self, line: bytes = b"") -> None:
        """Writes one line to the child's stdin. If the child is gone, the next `expect` finds out."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()

    def hand_files(self, descriptors: Sequence[int], timeout_s: float) -> None:
        """Sends open files to the child, so that it needs no right to open them itself. They stay open here. If the
        child is gone, the next `expect` finds out; PeerError if it does not accept them."""
        assert self._files is not None
        self._files.settimeout(timeout_s)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                hand_files(self._files, descriptors)
        except TimeoutError:
            raise PeerError(
                f"the {self._name} process does not accept files", "run again with -v; the host may be overloaded"
            ) from None

    def signal(self, number: int) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)

    def expect(
        self,
        message: type[Message],
        timeout_s: float,
        *,
        continued_after_s: float | None = None,
        beside: "Child | None" = None,
    ) -> Message:
        """The child's next message. An error that the child reports is raised here; PeerError if it died or stays
        silent.

        A child that somebody has stopped (SIGSTOP) is an error after some seconds; with `continued_after_s` it is
        continued after that time instead. The child `beside` it is watched too.
        """
        line = self._read_line(timeout_s, continued_after_s, beside)
        try:
            return msgspec.json.decode(line, type=message)
        except NOT_DECODED:
            raise self._failure(line) from None

    def _failure(self, line: bytes) -> ZcprobeError:
        """The error for a line that is not the expected message. Only the name of an error in it is trusted."""
        try:
            failure = msgspec.json.decode(line, type=Failure)
        except NOT_DECODED:
            return PeerError(
                f"the {self._name} process sent something that is not a message",
                "run again with -v and report what it shows",
            )
        kinds = {kind.__name__: kind for kind in ZcprobeError.__subclasses__()}
        return kinds.get(failure.kind, ZcprobeError)(failure.message, failure.hint)

    def _read_line(self, timeout_s: float, continued_after_s: float | None, beside: "Child | None") -> bytes:
        assert self.process.stdout is not None
        fd, began_s = self.process.stdout.fileno(), time.monotonic()
        while b"\n" not in self._pending:
            passed_s = time.monotonic() - began_s
            readable, _, _ = select.select([fd], [], [], min(_LOOK_INTERVAL_S, max(0.0, timeout_s - passed_s)))
            if readable:
                data = os.read(fd, 65536)
                if not data:
                    raise PeerError(self._last_words(), "run again with -v and report what it shows")
                self._pending += data
                if len(self._pending) > _LONGEST_LINE_BYTES:
                    raise PeerError(
                        f"the {self._name} process sent more than a message may have",
                        "run again with -v and report what it shows",
                    )
                continue
            if passed_s >= timeout_s:
                raise PeerError(
                    f"the {self._name} process does not answer", "run again with -v; the host may be overloaded"
                )
            if beside is not None:
                beside.look()
            if self.look():
                self._end_stop(passed_s, continued_after_s)
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def look(self) -> bool:
        """Whether the child is stopped. It is called every `_LOOK_INTERVAL_S`, and adds that time to `stopped_s` if
        so."""
        folder = Path(f"/proc/{self.process.pid}")
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            threads = [int(thread.name) for thread in (folder / "task").iterdir()]
            self.cpus = set().union(*map(os.sched_getaffinity, threads)) or self.cpus
        except OSError:  # it has ended, or /proc hides other users' processes (hidepid)
            return False
        is_stopped = state in "Tt"
        self.stopped_s += is_stopped * _LOOK_INTERVAL_S
        return is_stopped

    def wait(self) -> None:
        """Waits until the child has ended after its last message. If somebody stops it now, it is continued; if it does
        not end, it is killed."""
        self._wait_or_kill(_LONGEST_END_S)

    def _wait_or_kill(self, timeout_s: float) -> bool:
        """Whether it ended without being killed."""
        deadline_s = time.monotonic() + timeout_s
        while self.process.poll() is None:
            if time.monotonic() >= deadline_s:
                self.process.kill()
                self.process.wait()
                return False
            self.signal(signal.SIGCONT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(min(_LOOK_INTERVAL_S, timeout_s))
        return True

    def _end_stop(self, passed_s: float, continued_after_s: float | None) -> None:
        if continued_after_s is not None:
            if passed_s >= continued_after_s:
                self.signal(signal.SIGCONT)
        elif self.stopped_s >= _STOPPED_S:
            raise PeerError(f"somebody has stopped the {self._name} process (SIGSTOP)", "see who did it, and run again")

    def _last_words(self) -> str:
        assert self.process.stderr is not None
        has_ended = self._wait_or_kill(_GRACE_S)
        code = self.process.returncode
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        if not has_ended:
            how = "said no more, and did not end"
        # processes that it left behind may hold the pipe open
        os.set_blocking(self.process.stderr.fileno(), False)
        said = self.process.stderr.read(_LONGEST_WORDS_BYTES) or b""
        words = said.decode(errors="replace").strip().splitlines()
        return f"the {self._name} process {how}" + (f": {words[-1]}" if words else "")
