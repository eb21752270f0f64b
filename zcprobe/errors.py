"""Every error a user can meet, each with its exit code.

    ZcprobeError            exit 1  the run failed
    ├── UsageError          exit 2  bad input: unknown name, absurd size
    ├── OutputError         exit 2  the output folder cannot be written, or is no run folder
    ├── HostError           exit 3  this host cannot do it: root, bcc, kernel mechanism
    ├── PeerError           exit 1  the sink refused, vanished or speaks another version
    ├── DataLossError       exit 4  events or records were lost
    ├── ReconciliationError exit 4  two independent counts of the same thing differ
    └── DefectError         exit 5  zcprobe itself is wrong: an exception that nobody foresaw

An error has one line on what is wrong (`str(error)`) and one on what to do (`error.hint`). Names and contents that it
quotes may be other people's: what is not printed is written out in both.
"""

from zcprobe.escapes import printable

__all__ = [
    "DataLossError",
    "DefectError",
    "HostError",
    "OutputError",
    "PeerError",
    "ReconciliationError",
    "UsageError",
    "ZcprobeError",
]


class ZcprobeError(Exception):
    """Base of all errors meant for people.

    `hint` is one sentence on what to do; `exit_code` is the documented exit code.
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


class DataLossError(ZcprobeError):
    exit_code = 4


class ReconciliationError(ZcprobeError):
    exit_code = 4


class DefectError(ZcprobeError):
    exit_code = 5
