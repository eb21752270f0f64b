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
"""What msgspec raises for what others wrote: no JSON, other fields, text that is not UTF-8, brackets too deep."""

_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What a sender believes of a sink that may be anybody's."""


def encode_line(message: msgspec.Struct) -> bytes:
    return msgspec.json.encode(message) + b"\n"


class StreamPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender of one connection is about to send; datagrams come from `datagram_port` of the same address."""

    is_framed: bool = False
    is_datagram: bool = False
    respond: bool = False
    datagram_port: _Port | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`refused`: the reason, for a person; None: go on. `datagram_port`: where datagrams are awaited, if any are."""

    refused: str | None = None
    datagram_port: _Port | None = None


class SinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """`bytes`, `frames` (or datagrams): what arrived. A datagram that arrives again counts once, and its repeats are
    `duplicates`; None: no datagrams, or nobody looked. `first_mismatch`: stream position of the first byte that was not
    as sent, None when all were. `verified`: the content was looked at. `pause_ns`: how long its own pace kept it from
    reading."""

    bytes: _Count = 0
    frames: _Count = 0
    duplicates: _Count | None = None
    first_mismatch: _Count | None = None
    verified: bool = True
    start_ns: _Count = 0
    end_ns: _Count = 0
    pause_ns: _Count = 0


class Failure(msgspec.Struct, frozen=True):
    """An error of a run's child process, sink or sender, to be raised in the parent."""

    kind: str
    message: str
    hint: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How the sink reads: at most `read_bps`; once, after `stall_after_bytes`, not at all for `stall_s`; `discard`
    takes bytes off the socket without looking (MSG_TRUNC), so that their content is not verified."""

    read_bps: int = 0
    stall_after_bytes: int = 0
    stall_s: float = 0.0
    discard: bool = False


class SinkTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a child process of a run is told: where to listen, for how many senders, in which network namespace.

    The first `calibrations` connections it reads as fast as it can. Then it waits for a line, a `Reading`, which takes
    the place of `reading`.
    """

    address: str
    port: int
    connections: int = 1
    calibrations: int = 0
    reading: Reading = Reading()
    netns_path: str | None = None
    cpu: int | None = None


class SinkReady(msgspec.Struct, frozen=True):
    port: int


class SenderTask(msgspec.Struct, frozen=True, kw_only=True):
    """`spools_fd`: a socket on which, channel after channel, the files for its raw records come, open, in the order of
    enum zc_stream_index; None: recording off. Those of a channel hold `record_limit_bytes`.

    A path on which nothing moves for `idle_s` is not waited for once the outcome is known; with `ends_idle` nor is it
    once the configuration's time is over. With a `calibration_s` the sender first sends for that long on connections of
    their own, says `SenderCalibrated`, and connects for the run once it is sent a line, the `RunConfig` that takes the
    place of `config`. `token`: what a sink elsewhere asks for.
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
    """What arrived at the sink while nothing was impaired; `sends`: zerocopy send calls. `charge_bytes` as in
    `SenderReady`."""

    goodput_bps: float
    duration_ns: int
    sends: int
    charge_bytes: int


class SenderReady(msgspec.Struct, frozen=True):
    """Connected and waiting for the word; `cookies` of the channels' sockets; `charge_bytes` is what one notification
    costs in optmem here."""

    pid: int
    cookies: list[int]
    charge_bytes: int


class ChannelReport(msgspec.Struct, frozen=True):
    """`result`: members of struct zc_result. `sink` is None when the connection broke before its report, or it was
    silent. `retransmit_count`, `acked_bytes`: the kernel's, once the channel had settled; None where there is no TCP.
    `records`, `kept`: in the order of enum zc_stream_index, as of `Recorder`; empty: recording off.
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
    channels: list[ChannelReport]
