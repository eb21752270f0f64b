# SPDX-License-Identifier: GPL-2.0-only
"""Every error a user can meet, each with its exit code.

    ZcprobeError            exit 1  the run failed
    ├── UsageError          exit 2  bad input: unknown name, absurd size
    ├── OutputError         exit 2  the output folder cannot be written, or is not a run folder
    ├── HostError           exit 3  this host cannot do it: root, bcc, kernel mechanism
    ├── PeerError           exit 1  the sink refused, vanished or speaks another version
    ├── RegressionError     exit 1  something is worse than in the baseline (--fail-on-regression)
    ├── UndecidedError      exit 4  nobody can tell whether something is worse (--fail-on-regression)
    ├── DataLossError       exit 4  events or records were lost
    ├── ReconciliationError exit 4  two independent counts of the same thing differ
    └── DefectError         exit 5  zcprobe itself is wrong: an exception that nobody foresaw

An error has one line that says what is wrong (`str(error)`) and one that says what to do (`error.hint`). Names and
contents that it quotes may come from other people, so both lines show unprintable characters escaped.
"""

from zcprobe.escapes import printable

__all__ = [
    "DataLossError",
    "DefectError",
    "HostError",
    "OutputError",
    "PeerError",
    "ReconciliationError",
    "RegressionError",
    "UndecidedError",
    "UsageError",
    "ZcprobeError",
]


class ZcprobeError(Exception):
    """Base of all errors meant for people.

    `hint` says in one sentence what to do; `exit_code` is the documented exit code.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(printable(message))
        self.hint = printable(hint)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the same two lines as on the command line."""
        return [f"{type(self).__name__}: {self}", f"hint: {self.hint}"]


class UsageError(ZcprobeError):
    exit_code = 2


class OutputError(ZcprobeError):
    exit_code = 2


class HostError(ZcprobeError):
    exit_code = 3


class PeerError(ZcprobeError):
    exit_code = 1


class RegressionError(ZcprobeError):
    exit_code = 1


class UndecidedError(ZcprobeError):
    exit_code = 4


class DataLossError(ZcprobeError):
    exit_code = 4


class ReconciliationError(ZcprobeError):
    exit_code = 4


class DefectError(ZcprobeError):
    exit_code = 5
