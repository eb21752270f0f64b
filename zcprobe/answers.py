"""What the sink says at the end of a run: asked for on all channels at once, and no longer than there is time."""

import signal
import socket
import struct
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress

import msgspec

from zcprobe.sink import SinkReport, of_any_family
from zcprobe.wire import NOT_DECODED

__all__ = ["ask_sinks"]

_LONGEST_ANSWER_BYTES = 65536
_LOOK_INTERVAL_S = 0.1


def ask_sinks(controls: Sequence[socket.socket], deadline_s: float) -> list[SinkReport | None]:
    """Ends each stream and reads the sink's report on it, until `deadline_s` of time.monotonic().

    None where the connection is broken, or the sink was silent until then, or until somebody wanted the end by a SIGINT
    or SIGTERM, which the caller has blocked.
    """
    for control in controls:
        with suppress(OSError):  # ENOTCONN: the channel hung up itself, and the sink has answered and closed by now
            control.shutdown(socket.SHUT_WR)
    with ThreadPoolExecutor(max_workers=len(controls)) as pool:
        asked = [pool.submit(_read_report, control, deadline_s) for control in controls]
        while wait(asked, _LOOK_INTERVAL_S).not_done:
            if signal.sigpending() & {signal.SIGINT, signal.SIGTERM}:
                _stop_reading(controls)
    return [answer.result() for answer in asked]


def _stop_reading(controls: Sequence[socket.socket]) -> None:
    """Wakes who reads, and lets them see an end."""
    for control in controls:
        with suppress(OSError):
            control.shutdown(socket.SHUT_RD)


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
    """What is there, at the end of the stream b"". OSError past the deadline."""
    left_us = int((deadline_s - time.monotonic()) * 1e6)
    if left_us <= 0:
        raise TimeoutError
    # not settimeout(): Python would poll, and unread notifications keep POLLERR up
    with of_any_family(control) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", *divmod(left_us, 1_000_000)))
    control.settimeout(None)
    return control.recv(4096)
