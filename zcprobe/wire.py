# SPDX-License-Identifier: GPL-2.0-only
"""Every message between the processes of a run, and between hosts. `zcprobe.handshake` defines their order.

A sender and a sink exchange on the connection of the stream: `GREETING`, a `StreamPlan`, an `Answer`, then the stream,
then a `SinkReport`. A run and its child processes exchange by pipes: a task, a message that the child is ready, and a
report or a `Failure`. Each message is a line: the greeting is text, all others are JSON.
"""

from typing import Annotated

import msgspec

from zcprobe.config import DEFAULT_RECORD_LIMIT_BYTES, MAX_PORT, RunConfig
from zcprobe.format.outcomes import Outcome

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
"""The first line of a sink that accepts every sender. Incompatible versions refuse each other because of it."""

NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for malformed messages: invalid JSON, other fields, text that is not UTF-8, brackets nested too
deep."""

_Port = Annotated[int, msgspec.Meta(ge=1, le=MAX_PORT)]

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Ranges of what a sender accepts from a sink that may belong to anybody."""


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
    """`refused`: the reason, for a person, or None to go on. `datagram_port`: the port at which the sink expects
    datagrams."""

    refused: str | None = None
    datagram_port: _Port | None = None


class SinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """`bytes`, `frames` (or datagrams): what arrived. A repeated datagram counts once; its repeats are `duplicates`,
    which is None for streams or if the content was not checked. `first_mismatch`: stream position of the first byte
    that was not as sent, or None. `verified`: the content was checked. `pause_ns`: how long the sink's own pace kept it
    from reading."""

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
    """How the sink reads: at most `read_bps`; once, after `stall_after_bytes`, it stops for `stall_s`. With `discard`
    it discards bytes in the kernel (MSG_TRUNC), so their content is not verified."""

    read_bps: int = 0
    stall_after_bytes: int = 0
    stall_s: float = 0.0
    discard: bool = False


class SinkTask(msgspec.Struct, frozen=True, kw_only=True):
    """The task of a run's sink: where to listen, for how many senders, in which network namespace.

    The sink reads the first `calibrations` connections as fast as it can. Then it waits for a line with a `Reading`,
    which replaces `reading`.
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
    """The task of a run's sender. `files_fd`: a socket over which open files come. The first one is memory for its
    counters (`zcprobe.native.counters`) if `counters_shared`. Those for its raw records follow unless recording is off,
    channel after channel, in the order of enum zc_stream_index; the files of a channel hold at most
    `record_limit_bytes` together.

    Once the outcome is known, the sender does not wait for a path on which nothing moves for `idle_s`; with `ends_idle`
    it also stops waiting once the configuration's time is over. With `calibration_s` it first sends for that long on
    separate connections, reports `SenderCalibrated`, and connects for the run when it gets a line with the `RunConfig`
    that replaces `config`. `token`: the token for a sink on another host.
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
    files_fd: int | None = None
    counters_shared: bool = False
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
    """The sender is connected and waits for the go-ahead. `cookies`: those of the channels' sockets;
    `charge_bytes`: the optmem that one notification takes on this kernel."""

    pid: int
    cookies: list[int]
    charge_bytes: int


class ChannelReport(msgspec.Struct, frozen=True):
    """`result`: members of struct zc_result. `sink` is None if the connection broke before the sink's report, or the
    sink was silent. `retransmit_count`, `acked_bytes`: the kernel's counts once the channel had settled; None without
    TCP. `records`, `kept`: in the order of enum zc_stream_index, as in `Recorder`; empty if recording is off.
    `latencies`: slot (`zc_latency_slot`) -> requests; empty for other traffic than rpc.
    """

    outcome: Outcome
    result: dict[str, int]
    lost_records: int
    sink: SinkReport | None
    retransmit_count: int | None = None
    acked_bytes: int | None = None
    records: list[int] = []
    kept: list[int] = []
    latencies: dict[int, int] = {}


class SenderReport(msgspec.Struct, frozen=True):
    """What all channels of a sender did, by number."""

    channels: list[ChannelReport]
