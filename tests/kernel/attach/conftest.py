# SPDX-License-Identifier: GPL-2.0-only
"""Processes to watch, and iterators to watch them with."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from zcprobe.attach.sampler import Sampler
from zcprobe.attach.selection import Selection
from zcprobe.attach.watched import WatchedProcesses
from zcprobe.probes.iterators import SocketIterators

PUPPET = Path(__file__).with_name("puppet.py")
WITHOUT_MEMLOCK = ("prlimit", "--memlock=65536", "setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock")
"""What to start a sender with, so that RLIMIT_MEMLOCK refuses large sends."""


class Puppet:
    """A running `puppet.py`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.pid = process.pid
        self.hear()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def do(self, *words: object) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.hear()

    def send(self, name: str, count: int, size: int = 4096) -> int:
        """Sends that the kernel took."""
        taken, _ = map(int, self.do("send", name, count, size).split())
        return taken

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


Start = Callable[..., Puppet]


@pytest.fixture(scope="module")
def iterators() -> Iterator[SocketIterators]:
    with SocketIterators() as opened:
        yield opened


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts puppets; `before` are words before the command, as of `unshare`."""
    with ExitStack() as stack:

        def run(*before: str) -> Puppet:
            words = [*before, sys.executable, "-u", str(PUPPET)]
            process = stack.enter_context(
                subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(process.kill)
            return Puppet(process)

        yield run


@pytest.fixture
def sampler(iterators: SocketIterators) -> Iterator[Callable[..., Sampler]]:
    """Makes samplers of the processes of a selection, which have looked once."""
    with ExitStack() as stack:

        def make(**selection: Any) -> Sampler:
            processes = stack.enter_context(WatchedProcesses(Selection(**selection), iterators))
            made = Sampler(processes, lambda: 0, None)
            made.look(every=True)
            return made

        yield make
