# SPDX-License-Identifier: GPL-2.0-only
"""Resources of the host that runs share: a run that needs one for itself waits for its turn."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zcprobe.errors import HostError
from zcprobe.journal import JOURNAL_FOLDER, open_journal_folder, try_lock

__all__ = ["turn"]

_LONGEST_S = 600.0
_LOOK_INTERVAL_S = 0.1


def _tell(text: str) -> None:
    print(f"zcprobe: {text}", file=sys.stderr)


@contextmanager
def turn(name: str, what: str, tell: Callable[[str], None] = _tell, *, longest_s: float = _LONGEST_S) -> Iterator[None]:
    """Reserves `what` on this host by a lock on /run/zcprobe/<name>.lock, which ends with the process.

    Calls `tell` if it has to wait. HostError after `longest_s`, or if the lock cannot be made.
    """
    try:
        with open_journal_folder() as folder:
            fd = folder.open_file(f"{name}.lock", os.O_WRONLY | os.O_CREAT)
    except OSError as error:
        raise HostError(
            f"no lock can be made in {JOURNAL_FOLDER}: {error.strerror}", "run as root, with a writable /run"
        ) from error
    try:
        _wait(fd, what, tell, longest_s)
        yield
    finally:
        os.close(fd)


def _wait(fd: int, what: str, tell: Callable[[str], None], longest_s: float) -> None:
    if try_lock(fd):
        return
    tell(f"another run uses {what}: this one waits for its turn, at most {longest_s:g} s")
    ends_s = time.monotonic() + longest_s
    while not try_lock(fd):
        if time.monotonic() > ends_s:
            raise HostError(f"other runs have used {what} for {longest_s:g} s", "wait for them to end, and run again")
        time.sleep(_LOOK_INTERVAL_S)
