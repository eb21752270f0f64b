"""The reports of the sinks at the end of a run: asked for on all channels at once, within one deadline."""

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
"""How long a sink's report is waited for after the run's own deadlines."""

_LONGEST_ANSWER_BYTES = 65536
_LOOK_INTERVAL_US = 100_000


def ask_sinks(controls: Sequence[socket.socket], deadline_s: float) -> list[SinkReport | None]:
    """Ends each stream and reads the sink's report on it, until `deadline_s` of time.monotonic().

    A report is None when its connection broke, when the sink was silent until the deadline, or when a SIGINT or
    SIGTERM, which the caller has blocked, came first.
    """
    for control in controls:
        with suppress(OSError):  # ENOTCONN: the channel shut it down itself, and the sink has answered and closed since
            control.shutdown(socket.SHUT_WR)
    # One after the other: each sink answers whether or not it is read, so it answers while another one is waited for.
    return [_read_report(control, deadline_s) for control in controls]


def _read_report(control: socket.socket, deadline_s: float) -> SinkReport | None:
    """The report is the last thing that the sink sends; unread responses of rpc traffic may come before it."""
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
    """The next bytes; b"" at the end of the stream. After the deadline, and after a signal that asks for the end, it
    only takes what has arrived already, because another sink may have used up the time. OSError when nothing has."""
    control.settimeout(None)  # Python would poll, and unread notifications keep POLLERR up
    while True:
        left_us = int((deadline_s - time.monotonic()) * 1e6)
        if left_us <= 0 or signal.sigpending() & {signal.SIGINT, signal.SIGTERM}:
            return control.recv(4096, socket.MSG_DONTWAIT)
        with of_any_family(control) as same:
            wait = struct.pack("ll", 0, min(left_us, _LOOK_INTERVAL_US))
            same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
        with suppress(BlockingIOError):  # the kernel has waited for so long
            return control.recv(4096)
