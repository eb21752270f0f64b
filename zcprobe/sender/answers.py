"""What the sink says at the end of a run: asked for on all channels at once, and no longer than there is time."""

import signal
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from zcprobe.endpoint import of_any_family
from zcprobe.wire import NOT_DECODED, SinkReport

__all__ = ["ANSWER_GRACE_S", "ask_sinks"]

ANSWER_GRACE_S = 2.0
"""For the sink's word, beyond the run's own deadlines."""

_LONGEST_ANSWER_BYTES = 65536
_LOOK_INTERVAL_US = 100_000


def ask_sinks(controls: Sequence[socket.socket], deadline_s: float) -> list[SinkReport | None]:
    """Ends each stream and reads the sink's report on it, until `deadline_s` of time.monotonic().

    None where the connection is broken, or the sink was silent until then, or until somebody wanted the end by a SIGINT
    or SIGTERM, which the caller has blocked.
    """
    for control in controls:
        with suppress(OSError):  # ENOTCONN: the channel hung up itself, and the sink has answered and closed by now
            control.shutdown(socket.SHUT_WR)
    # one after the other: each sink answers without being read, and so in the time that another one takes
    return [_read_report(control, deadline_s) for control in controls]


def _read_report(control: socket.socket, deadline_s: float) -> SinkReport | None:
    """The report is the last thing that the sink says; responses of rpc traffic that nobody read may come before it."""
    said = b""
    try:
        while not said.endswith(b"}\n"):
            piece = _receive(control, deadline_s)
            if not piece or len(said) > _LONGEST_ANSWER_BYTES:
                return None
            said += piece
        return msgspec.json.decode(said[said.rfind(b"{") :], type=SinkReport)
    except (OSError, *NOT_DECODED):
        return None


def _receive(control: socket.socket, deadline_s: float) -> bytes:
    """What comes next, at the end of the stream b"". Past the deadline, and when somebody wants the end, only what is
    there already, because another sink may have taken all the time. OSError when there is nothing."""
    control.settimeout(None)  # Python would poll, and unread notifications keep POLLERR up
    while True:
        left_us = int((deadline_s - time.monotonic()) * 1e6)
        if left_us <= 0 or signal.sigpending() & {signal.SIGINT, signal.SIGTERM}:
            return control.recv(4096, socket.MSG_DONTWAIT)
        with of_any_family(control) as same:
            wait = struct.pack("ll", 0, min(left_us, _LOOK_INTERVAL_US))
            same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
        with suppress(BlockingIOError):  # what the kernel says when it has waited so long
            return control.recv(4096)
