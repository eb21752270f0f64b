# SPDX-License-Identifier: GPL-2.0-only
"""The sink's reports at the end of a run, requested on all channels at once and awaited until a deadline."""

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
"""Time for the sink's report beyond the deadlines of the run."""

_LONGEST_ANSWER_BYTES = 65536
_LOOK_INTERVAL_US = 100_000


def ask_sinks(controls: Sequence[socket.socket], deadline_s: float) -> list[SinkReport | None]:
    """Ends each stream and reads the sink's report on it, until `deadline_s` of time.monotonic().

    None if the connection is broken, or if the sink was silent until then, or until somebody asked for the end by
    SIGINT or SIGTERM, which the caller has blocked.
    """
    for control in controls:
        with suppress(OSError):  # ENOTCONN: the channel shut it down itself, and the sink has answered and closed since
            control.shutdown(socket.SHUT_WR)
    # one after another: each sink answers without being read, so it can do so while another one is read
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
    """The next bytes, or b"" at the end of the stream. After the deadline, or once somebody asked for the end, only
    what is already there, because another sink may have taken all the time. OSError if there is nothing."""
    control.settimeout(None)  # Python would poll, and unread notifications keep POLLERR up
    while True:
        left_us = int((deadline_s - time.monotonic()) * 1e6)
        if left_us <= 0 or signal.sigpending() & {signal.SIGINT, signal.SIGTERM}:
            return control.recv(4096, socket.MSG_DONTWAIT)
        with of_any_family(control) as same:
            wait = struct.pack("ll", 0, min(left_us, _LOOK_INTERVAL_US))
            same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
        with suppress(BlockingIOError):  # the kernel's error when the timeout has passed
            return control.recv(4096)
