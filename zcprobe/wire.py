"""Every message between the processes of a run, and between hosts. `zcprobe.handshake` says in which order they come.

A sender and a sink say to each other, on the connection that the stream takes: `GREETING`, a `StreamPlan`, an `Answer`,
then the stream, then a `SinkReport`. A run and its child processes say to each other, by pipes: a task, what is ready,
a report, or a `Failure`. Each message is a line: the greeting is text, all others are JSON.
"""

from typing import Annotated

import msgspec

from zcprobe.config import DEFAULT_RECORD_LIMIT_BYTES, RunConfig

__all__ = [
    "GREETING",
    "NOT_DECODED",
    "Answer",
    "ChannelReport",
    "Failure",
    "Reading",
    "SenderCalibrated",
    "SenderReady",
    "SenderReport",
    "SenderTask",
    "SinkReady",
    "SinkReport",
    "SinkTask",
    "StreamPlan",
    "encode_line",
]

GREETING = b"zcprobe-sink 4\n"
"""What a sink says first when it takes every sender. Two versions that do not fit refuse each other by it."""

NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for input from others: it is not JSON, has other fields, is not UTF-8, or is nested too deep."""

_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""The range that a sender accepts, because the sink may be anybody's."""


def encode_line(message: msgspec.Struct) -> bytes:
    """The message as one line of JSON, with its newline."""
    return msgspec.json.encode(message) + b"\n"


class StreamPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender of one connection is about to send.

    `is_framed`: a header precedes each payload. `respond`: the sink answers each payload. `datagram_port`:
    the port, at the sender's address on this connection, from which datagrams come.
    """

    is_framed: bool = False
    is_datagram: bool = False
    respond: bool = False
    datagram_port: _Port | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The sink's reply to a plan. `refused`: why the sink does not take the stream, for a person to read; None means go
    on. `datagram_port`: the port where the sink awaits datagrams, None when the plan has none."""

    refused: str | None = None
    datagram_port: _Port | None = None


class SinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """What arrived of one stream.

    `bytes`, and `frames` or datagrams: how much arrived. A datagram that arrives again counts once; its repeats are
    `duplicates`, which is None without datagrams or when the sink did not look. `first_mismatch`: stream position of
    the first byte that differs from what was sent, None when all bytes are as sent. `verified`: the sink compared the
    content. `start_ns`, `end_ns`: CLOCK_MONOTONIC of the sink's host, at the first and after the last byte. `pause_ns`:
    how long the sink did not read because of its own `Reading`.
    """

    bytes: _Count = 0
    frames: _Count = 0
    duplicates: _Count | None = None
    first_mismatch: _Count | None = None
    verified: bool = True
    start_ns: _Count = 0
    end_ns: _Count = 0
    pause_ns: _Count = 0


class Failure(msgspec.Struct, frozen=True):
    """An error of a run's child process, sender or sink, which the parent raises. `kind`: the name of its class."""

    kind: str
    message: str
    hint: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How the sink reads.

    It reads at most `read_bps` bits per second; 0 means as fast as it can. Once, after `stall_after_bytes`, it does not
    read for `stall_s` seconds. With `discard` it takes bytes off the socket without looking at them (MSG_TRUNC), so
    their content is not verified.
    """

    read_bps: int = 0
    stall_after_bytes: int = 0
    stall_s: float = 0.0
    discard: bool = False


class SinkTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a run tells its sink: where to listen, for how many connections, in which network namespace, on which CPU.

    The sink reads the first `calibrations` connections as fast as it can. Then it waits for a line, a `Reading`, which
    replaces `reading`.
    """

    address: str
    port: int
    connections: int = 1
    calibrations: int = 0
    reading: Reading = Reading()
    netns_path: str | None = None
    cpu: int | None = None


class SinkReady(msgspec.Struct, frozen=True):
    """The sink of a run listens, on this port."""

    port: int


class SenderTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a run tells its sender.

    `spools_fd`: a socket on which the sender receives the open files for its raw records, channel by channel, each in
    the order of enum zc_stream_index. None: nothing is recorded. The files of one channel hold `record_limit_bytes`
    together.

    Once the outcome is known, the sender does not wait for a path on which nothing has moved for `idle_s` seconds. With
    `ends_idle` it does not wait for such a path either once the configuration's time is over.

    With `calibration_s` the sender first sends for so many seconds on connections of their own and says
    `SenderCalibrated`. It connects for the run when it is sent a line, a `RunConfig` that replaces `config`. `token`:
    the secret that a sink on another host asks for.
    """

    address: str
    port: int
    config: RunConfig
    flush_variant: str
    optmem_max_bytes: int
    netns_path: str | None = None
    memlock_bytes: int | None = None
    calibration_s: float | None = None
    token: str | None = None
    record_limit_bytes: int = DEFAULT_RECORD_LIMIT_BYTES
    spools_fd: int | None = None
    idle_s: float = 0.0
    ends_idle: bool = False


class SenderCalibrated(msgspec.Struct, frozen=True, kw_only=True):
    """What arrived at the sink while nothing was impaired. `sends`: zerocopy send calls. `charge_bytes`: as in
    `SenderReady`."""

    goodput_bps: float
    duration_ns: int
    sends: int
    charge_bytes: int


class SenderReady(msgspec.Struct, frozen=True):
    """The sender is connected and waits for an empty line to begin. `cookies`: those of its sockets, by channel
    (SO_COOKIE). `charge_bytes`: what one notification is charged in optmem on this kernel."""

    pid: int
    cookies: list[int]
    charge_bytes: int


class ChannelReport(msgspec.Struct, frozen=True):
    """What one channel did. `result`: members of struct zc_result. `sink`: the sink's report, None when the connection
    broke before it came, or the sink was silent. `retransmit_count`, `acked_bytes`: the kernel's counts once the
    channel had settled, None without TCP. `records`, `kept`: as `Recorder` has them, in the order of enum
    zc_stream_index; empty when nothing was recorded.
    """

    outcome: str
    result: dict[str, int]
    lost_records: int
    sink: SinkReport | None
    retransmit_count: int | None = None
    acked_bytes: int | None = None
    records: list[int] = []
    kept: list[int] = []


class SenderReport(msgspec.Struct, frozen=True):
    """What all channels of a sender did, by number."""

    channels: list[ChannelReport]
