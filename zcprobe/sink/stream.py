# SPDX-License-Identifier: GPL-2.0-only
"""One stream: every byte is compared with the expected one, and the sender gets a report of what arrived.

`zcprobe.handshake` says how a connection begins. At the end of the stream the sink answers on the same connection with
a line of JSON, a `SinkReport`. Datagrams come to the UDP port that the `Answer` to the plan names.
"""

import errno
import socket

from zcprobe.errors import HostError, PeerError
from zcprobe.native import ffi, lib
from zcprobe.native.status import require, require_os
from zcprobe.wire import Answer, Reading, SinkReport, StreamPlan, encode_line

__all__ = ["Progress", "receive"]

_DATAGRAM_BUFFER_BYTES = 8 * 1024 * 1024


def _open_datagrams(connection: socket.socket, plan: StreamPlan) -> socket.socket:
    """A UDP socket at the connection's own address that accepts datagrams only from its sender."""
    own, peer = connection.getsockname(), connection.getpeername()
    datagrams = socket.socket(connection.family, socket.SOCK_DGRAM)
    try:
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _DATAGRAM_BUFFER_BYTES)
        datagrams.bind((own[0], 0, *own[2:]))
        datagrams.connect((peer[0], plan.datagram_port, *peer[2:]))
    except BaseException:
        datagrams.close()
        raise
    return datagrams


class Progress:
    """What has arrived so far of a stream that is being received, for another thread to read."""

    def __init__(self) -> None:
        self.result = ffi.new("struct zc_sink_result *")

    @property
    def bytes(self) -> int:
        return int(self.result.bytes)


def _receive(
    connection: socket.socket, data: socket.socket, plan: StreamPlan, reading: Reading, progress: Progress
) -> SinkReport:
    config = ffi.new("struct zc_sink_config *")
    config.fd = data.fileno()
    config.control_fd = connection.fileno() if plan.is_datagram else -1
    for name in ("is_framed", "is_datagram", "respond"):
        setattr(config, name, getattr(plan, name))
    config.discard = reading.discard and not plan.respond
    config.read_bps = reading.read_bps
    config.stall_after_bytes = reading.stall_after_bytes
    config.stall_ns = int(reading.stall_s * 1e9)
    result = progress.result
    status = lib.zc_sink_run(config, result)
    if status == -errno.ENOMEM:
        raise HostError("the sink has no memory for its buffers", "free some memory")
    what = f"the sender's connection broke after {result.bytes} bytes"
    require(status, what, "look at what the sender says", PeerError)
    return SinkReport(
        bytes=result.bytes,
        frames=result.frame_count,
        duplicates=result.duplicate_count if plan.is_datagram and not config.discard else None,
        first_mismatch=None if result.first_mismatch == 2**64 - 1 else result.first_mismatch,
        verified=not config.discard,
        start_ns=result.start_ns,
        end_ns=result.end_ns,
        pause_ns=result.pause_ns,
    )


def _answer(connection: socket.socket) -> None:
    """Tells the sender that the stream may begin. OSError."""
    line = encode_line(Answer())
    require_os(lib.zc_sink_answer(connection.fileno(), line, len(line)))


def receive(
    connection: socket.socket, plan: StreamPlan, reading: Reading, progress: Progress | None = None
) -> SinkReport:
    """Tells the sender to go on, receives its stream to the end, and sends the report. PeerError if the connection
    breaks."""
    progress = progress or Progress()
    connection.settimeout(None)
    with connection:
        try:
            if not plan.is_datagram:
                _answer(connection)
                report = _receive(connection, connection, plan, reading, progress)
            else:
                with _open_datagrams(connection, plan) as datagrams:
                    connection.sendall(encode_line(Answer(datagram_port=datagrams.getsockname()[1])))
                    report = _receive(connection, datagrams, plan, reading, progress)
            connection.sendall(encode_line(report))
        except OSError as error:
            raise PeerError(
                f"the sender's connection broke: {error.strerror or error}", "look at what the sender says"
            ) from error
    return report
