# SPDX-License-Identifier: GPL-2.0-only
"""A child process of a run and the parent that started it: the one life that sender and sink have.

The child reads its task, a line on stdin. It does its work, says on stdout what its parent waits for (`say`), and may
wait for another line (`hear`). It ends with a report, or with a `Failure` that its parent raises. The parent's side is
`zcprobe.child`.
"""

import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec

from zcprobe.errors import ZcprobeError
from zcprobe.native.process import die_with_parent, give_up_root
from zcprobe.wire import Failure, encode_line

__all__ = ["become_unprivileged", "hear", "live", "say"]

Task = TypeVar("Task", bound=msgspec.Struct)


def say(message: msgspec.Struct) -> None:
    """One message to the parent, at once."""
    sys.stdout.buffer.write(encode_line(message))
    sys.stdout.buffer.flush()


def hear() -> bytes:
    """The parent's next line with its newline; nothing when the parent has hung up."""
    return sys.stdin.buffer.readline()


def become_unprivileged(*kept: int) -> None:
    """Gives up root but for these capabilities (`zcprobe.native.process.give_up_root`), and still dies with the parent:
    the kernel forgets that when a process becomes another user's. HostError."""
    give_up_root(*kept)
    die_with_parent()


def live(task: type[Task], work: Callable[[Task], msgspec.Struct | None]) -> None:
    """What a child's main() does: reads its task, and says what `work` makes of it; None where nothing is left to say.

    A ZcprobeError becomes a `Failure`, and the process ends with its exit code.
    """
    die_with_parent()
    asked = msgspec.json.decode(hear(), type=task)
    try:
        report = work(asked)
    except ZcprobeError as error:
        say(Failure(type(error).__name__, str(error), error.hint))
        sys.exit(error.exit_code)
    if report is not None:
        say(report)
