# SPDX-License-Identifier: GPL-2.0-only
"""Starts the command that is to be watched, just as a shell would: nothing of ours is in it or in its environment."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from zcprobe.errors import UsageError
from zcprobe.signals import ENDING

__all__ = ["StartedCommand"]


def _as_at_start(limit: tuple[int, int]) -> Callable[[], None]:
    """What the new process does before execve(): it takes back what zcprobe changed for itself."""

    def restore() -> None:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, limit)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    return restore


def _first_environment() -> dict[bytes, bytes]:
    """The environment that zcprobe was started with; it has set variables for its own libraries since."""
    entries = (entry.partition(b"=") for entry in Path("/proc/self/environ").read_bytes().split(b"\0") if entry)
    return {name: value for name, _, value in entries}


class StartedCommand:
    """A command that runs until it ends by itself. `begun_s`: CLOCK_BOOTTIME from before it was started.

    `memlock`: the soft and hard RLIMIT_MEMLOCK that zcprobe itself was started with. `is_silent`: it neither reads nor
    prints anything. UsageError if the command cannot be started.
    """

    def __init__(self, words: list[str], memlock: tuple[int, int], *, is_silent: bool = False) -> None:
        self.begun_s = time.clock_gettime(time.CLOCK_BOOTTIME) - 1 / os.sysconf("SC_CLK_TCK")
        self._name = words[0]
        try:
            self._process = subprocess.Popen(
                words,
                env=_first_environment(),
                preexec_fn=_as_at_start(memlock),
                **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL if is_silent else None),
            )
        except OSError as error:
            raise UsageError(
                f"{words[0]} cannot be started: {error.strerror}", "name a command that runs without zcprobe"
            ) from error

    @property
    def pid(self) -> int:
        return self._process.pid

    def outcome(self) -> str:
        """A sentence that says how it ended, or that it still runs."""
        code = self._process.poll()
        if code is None:
            return f"{self._name} is still running as process {self.pid}"
        if code < 0:
            return f"{self._name} was ended by {signal.Signals(-code).name}"
        return f"{self._name} ended with exit code {code}"
