# SPDX-License-Identifier: GPL-2.0-only
"""One virtual machine: a QEMU process in emulation, in a network namespace, and its monitor."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.senders.fetch import Qemu
from tests.senders.guest import MEMORY_MIB, READY
from tests.senders.qmp import Monitor
from zcprobe.lab.netns import Namespace

__all__ = ["Machine", "running"]

_READY_S = 120.0
"""It takes 10 s on two idle cores."""

_BEFORE = ("setpriv", "--pdeathsig", "KILL")
"""The machine ends with the process that started it, even if that is killed."""


class Machine:
    """A running QEMU: `pid`, its `monitor`, and what its guest has printed."""

    def __init__(self, process: "subprocess.Popen[bytes]", monitor: Monitor, console: Path) -> None:
        self._process = process
        self._console = console
        self.pid = process.pid
        self.monitor = monitor

    def lines(self) -> list[str]:
        return self._console.read_text(errors="replace").splitlines()

    def wait_for_guest(self) -> None:
        """Returns when the guest has filled its pages; TimeoutError with its last lines if it does not."""
        deadline = time.monotonic() + _READY_S
        while READY not in self.lines():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"the guest is not ready; its last lines: {self.lines()[-5:]}")
            time.sleep(0.1)


def _options(name: str, machine_type: str, folder: Path) -> list[str]:
    return [
        *("-machine", machine_type, "-accel", "tcg", "-m", str(MEMORY_MIB), "-smp", "1"),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-serial", f"file:{folder / name}.console", "-qmp", f"unix:{folder / name}.monitor,server=on,wait=off"),
        *("-name", f"guest={name},process=qemu-{name},debug-threads=on"),
    ]


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def running(
    qemu: Qemu, name: str, machine_type: str, namespace: Namespace, folder: Path, options: Sequence[str]
) -> Iterator[Machine]:
    """A QEMU with these options besides its own, inside the namespace; leaving the context ends it. Its files are
    `folder`/`name`.*"""
    words = [*_BEFORE, "nsenter", f"--net={namespace.path}", "--", *qemu.command]
    words += [*_options(name, machine_type, folder), *options]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **qemu.environment},
            start_new_session=True,
        )
    try:
        (folder / f"{name}.console").touch()
        with Monitor(folder / f"{name}.monitor") as monitor:
            yield Machine(process, monitor, folder / f"{name}.console")
    except OSError as error:
        error.add_note(f"QEMU said: {(folder / f'{name}.log').read_text(errors='replace')[-2000:]}")
        raise
    finally:
        _end(process)
