# SPDX-License-Identifier: GPL-2.0-only
"""Boots a fetched kernel on this machine's own files and runs a command there, with virtme-ng in emulation."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.guests.fetch import Image
from zcprobe.errors import HostError, ZcprobeError
from zcprobe.interrupt import Interruption

__all__ = ["run_in_guest"]

_OWN_PROGRAMS = Path(__file__).parent / "bin"

_ALWAYS = (
    *("no_timer_check", "tsc=reliable", "maxcpus=1"),
    *("mitigations=off", "init_on_alloc=0", "hardened_usercopy=off", "randomize_kstack_offset=off"),
)
"""Options of the guest kernel. In emulation on a busy host a tick may miss the kernel's timer check at boot, and the
kernel would panic; or the kernel would take the clock for unstable, and read a slower one. Tests bring a second CPU
online when they need it. Emulation does not need what protects kernels from attackers: mitigations against hardware
speculation would take a third more CPU time, and zeroing memory makes a page fault twice as long."""

_PROCESSOR = "-cpu Nehalem"
"""The oldest CPU on which current wheels of numpy run. Emulating what newer ones have would cost an eighth of the
time."""

_MOST_CHARACTERS = 700
"""Of the command in a guest. virtme-ng puts it, as base64, among the options of the kernel, of which x86 reads 2048
characters (COMMAND_LINE_SIZE) and drops the others without a word; then the guest sleeps for ever at boot."""

_STARTED = "guest: started\n"
"""The guest's first line on stderr; everything before it comes from the boot."""


class _Relay(threading.Thread):
    """Copies lines to one of our streams, each with a prefix; returns whether the command was started."""

    def __init__(self, source: IO[str], target: IO[str], prefix: str) -> None:
        super().__init__()
        self._source, self._target, self._prefix = source, target, prefix
        self.started = False
        self.start()

    def run(self) -> None:
        with self._source:
            for line in self._source:
                self._copy(line)

    def _copy(self, line: str) -> None:
        if line == _STARTED:
            self.started = True
            return
        self._target.write(self._prefix + line)
        self._target.flush()


def _end(process: subprocess.Popen[str]) -> None:
    # the session is ours: qemu must not outlive an interrupted command
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


_LOOK_S = 0.5


def _wait(process: subprocess.Popen[str], timeout_s: float, interruption: Interruption) -> int | None:
    """Its exit code, or None when it did not end in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if interruption.signal_number:
            name = signal.Signals(interruption.signal_number).name
            raise ZcprobeError(f"interrupted by {name}", "the guest was ended, too")
        try:
            return process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            pass
    return None


def _start(command: Sequence[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        # QEMU opens its standard output anew by name, which would empty a file
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # vng starts its second program by name
        env={**os.environ, "PATH": f"{_OWN_PROGRAMS}:{Path(sys.executable).parent}:{os.environ['PATH']}"},
        start_new_session=True,
    )


def run_in_guest(
    image: Image,
    words: Sequence[str],
    interruption: Interruption,
    *,
    cpus: int = 1,
    share: Path | None = None,
    kernel_options: Sequence[str] = (),
    qemu_options: Sequence[str] = (),
    prefix: str = "",
    timeout_s: float = 600,
) -> int:
    """Runs a command as root in a guest with this kernel and returns its exit code. Its output goes to this process's
    streams, with `prefix` before each line.

    The guest sees the host's files and works in the current folder. What it writes is lost when it ends, except below
    `share`. HostError if it does not boot or does not end in time (booting alone takes at least 8 s); ZcprobeError if
    it was interrupted.
    """
    command = [
        *("vng", "--run", str(image.vmlinuz), "--disable-kvm", "--user", "root", "--cpus", str(cpus), "--memory", "2G"),
        *(f"--append={option}" for option in (*_ALWAYS, *kernel_options)),
        *(f"--qemu-opts={option}" for option in (_PROCESSOR, *qemu_options)),
        *([f"--rwdir={share.resolve()}"] if share else []),
        *("--", "sh", "-c", f'echo {_STARTED.strip()!r} >&2; exec "$@"', "sh", *words),
    ]
    length = sum(len(word) + 1 for word in words)
    if length > _MOST_CHARACTERS:
        raise HostError(
            f"the command for a guest has {length} characters, and {_MOST_CHARACTERS} are the most",
            "put its arguments into a file",
        )
    process = _start(command)
    assert process.stdout is not None
    assert process.stderr is not None
    relays = [_Relay(process.stdout, sys.stdout, prefix), _Relay(process.stderr, sys.stderr, prefix)]
    try:
        code = _wait(process, timeout_s, interruption)
    finally:
        _end(process)
        for relay in relays:
            relay.join()
    if not relays[1].started:
        how = f"vng ended with {code}" if code is not None else f"not within {timeout_s:.0f} s"
        raise HostError(f"{image.release} did not boot: {how}", "what it said is above, if anything")
    if code is None:
        raise HostError(f"the guest did not end within {timeout_s:.0f} s", "its last output is above")
    return code
