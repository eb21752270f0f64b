"""A child process of a run (sender or sink), spoken to in lines of JSON, and never left behind."""

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
"""For a process to end that has said its last; it takes some milliseconds."""

_LONGEST_LINE_BYTES = 4 << 20
"""Far more than the report of 64 channels has: nothing that a peer has a child say fills our memory."""

_LONGEST_WORDS_BYTES = 65536
_LOOK_INTERVAL_S = 0.25
_STOPPED_S = 3.0
"""Longest that a process may be stopped (SIGSTOP) while nothing is measured yet."""

_PACKAGES = ("zcprobe", "msgspec", "_cffi_backend")
"""What a child imports beside Python's own."""


class Child:
    """A module's main(), in a session of its own so that Ctrl-C reaches only the parent, which decides.

    `stopped_s`: about how long it was seen stopped; `cpus`: where its threads could run when it was last looked at. It
    can be started before its task is known, because importing its modules is most of what it takes to start.
    """

    def __init__(self, module: str, task: msgspec.Struct | None = None, *, takes_files: bool = False) -> None:
        """With `takes_files` it has a socket, descriptor `files_fd` over there, on which `hand_files` sends to it."""
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
        """Its first line, for which it waits."""
        self.send_line(msgspec.json.encode(task))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the process if it has not ended: politely, then not."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # what could not be sent is tried again on closing
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.send_signal(
                signal.SIGCONT
            )  # one that was stopped would take the first no sooner than the kill
            try:
                self.process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for stream in (self.process.stdout, self.process.stderr, self._files):
            if stream is not None:
                stream.close()

    def send_line(self, line: bytes = b"") -> None:
        """One line to the child's stdin; a child that is gone is noticed by the next `expect`."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()

    def hand_files(self, descriptors: Sequence[int], timeout_s: float) -> None:
        """Open files, so that it needs no right to open them itself. They stay open here. A child that is gone is
        noticed by the next `expect`; PeerError when it does not take them."""
        assert self._files is not None
        self._files.settimeout(timeout_s)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                hand_files(self._files, descriptors)
        except TimeoutError:
            raise PeerError(
                f"the {self._name} process takes no files", "run again with -v; the host may be overloaded"
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
        """The child's next message. Its own error is raised as itself; PeerError when it died or stays silent.

        One that somebody has stopped (SIGSTOP) is an error after some seconds; after `continued_after_s`, where that is
        given, it is continued instead. Meanwhile the child `beside` it is looked at, too.
        """
        line = self._read_line(timeout_s, continued_after_s, beside)
        try:
            return msgspec.json.decode(line, type=message)
        except NOT_DECODED:
            raise self._failure(line) from None

    def _failure(self, line: bytes) -> ZcprobeError:
        """What a line that is not the awaited message stands for. Nothing is believed but the name of an error."""
        try:
            failure = msgspec.json.decode(line, type=Failure)
        except NOT_DECODED:
            return PeerError(
                f"the {self._name} process says what is not a message", "run again with -v and report what it shows"
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
                        f"the {self._name} process says more than a message has",
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
        """Whether it is stopped. Called every `_LOOK_INTERVAL_S`, which it adds to `stopped_s` then."""
        folder = Path(f"/proc/{self.process.pid}")
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            threads = [int(thread.name) for thread in (folder / "task").iterdir()]
            self.cpus = set().union(*map(os.sched_getaffinity, threads)) or self.cpus
        except OSError:  # it has ended, or /proc shows no other users' processes (hidepid)
            return False
        is_stopped = state in "Tt"
        self.stopped_s += is_stopped * _LOOK_INTERVAL_S
        return is_stopped

    def wait(self) -> None:
        """Until it has ended, when it has said its last. It is continued if somebody stops it now, and killed if it
        does not end."""
        self._wait_or_kill(_LONGEST_END_S)

    def _wait_or_kill(self, timeout_s: float) -> bool:
        """Whether it ended itself."""
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
        # what it left behind may hold the pipe open
        os.set_blocking(self.process.stderr.fileno(), False)
        said = self.process.stderr.read(_LONGEST_WORDS_BYTES) or b""
        words = said.decode(errors="replace").strip().splitlines()
        return f"the {self._name} process {how}" + (f": {words[-1]}" if words else "")
