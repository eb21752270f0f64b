# SPDX-License-Identifier: GPL-2.0-only
"""Messages: each is one line, and is read as it was written."""

import msgspec
import pytest

from zcprobe.config import RunConfig
from zcprobe.errors import UsageError
from zcprobe.wire import (
    Answer,
    ChannelReport,
    Failure,
    Reading,
    SenderCalibrated,
    SenderReady,
    SenderReport,
    SenderTask,
    SinkReady,
    SinkReport,
    SinkTask,
    StreamPlan,
    encode_line,
)

REPORT = SinkReport(bytes=2**63 - 1, frames=1009, duplicates=0, first_mismatch=None, verified=False, pause_ns=7)
CHANNEL = ChannelReport("completed", {"send_count": 2**63 - 1, "error": -105}, 0, REPORT, 3, 1009, [1] * 7, [0] * 7)

MESSAGES = [
    StreamPlan(is_framed=True, is_datagram=True, respond=True, datagram_port=65535),
    Answer(refused='all "places" are\ntaken\u2028'),
    Answer(datagram_port=1),
    REPORT,
    Failure(UsageError.__name__, "a message\n", "a hint"),
    Reading(read_bps=1009, stall_after_bytes=1, stall_s=0.25, discard=True),
    SinkTask(address="fd00::2", port=5301, connections=3, calibrations=2, netns_path="/run/netns/a", cpu=1),
    SinkReady(5301),
    SenderTask(
        address="vsock:1",
        port=1,
        config=RunConfig(),
        flush_variant="sticky",
        optmem_max_bytes=20480,
        calibration_s=0.25,
    ),
    SenderCalibrated(goodput_bps=1.5e10, duration_ns=1, sends=2, charge_bytes=832),
    SenderReady(1, [2**64 - 1], 832),
    SenderReport([CHANNEL, msgspec.structs.replace(CHANNEL, sink=None, retransmit_count=None, records=[])]),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_one_line_and_is_read_as_it_was_written(message: msgspec.Struct) -> None:
    line = encode_line(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert msgspec.json.decode(line, type=type(message)) == message


@pytest.mark.parametrize(
    "member", ["bytes", "frames", "duplicates", "first_mismatch", "start_ns", "end_ns", "pause_ns"]
)
@pytest.mark.parametrize("value", [-1, 2**63])
def test_a_count_of_a_sink_is_one_that_a_table_holds(member: str, value: int) -> None:
    line = encode_line(msgspec.structs.replace(REPORT, **{member: value}))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(line, type=SinkReport)
