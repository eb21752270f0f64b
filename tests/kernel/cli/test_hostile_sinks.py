# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe run --to` a hostile sink reads at most a line, and waits no longer than its deadlines."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from tests.hostile_sinks import Handle, after, drip, flood, greet, nothing, peak_bytes, say, sink, take_all
from tests.kernel.cli.test_remote import assert_refused
from tests.outside import find_processes
from zcprobe.handshake import ANSWER_TIMEOUT_S

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="runs as root, which is what there is to gain")

Command = Callable[..., Any]
Start = Callable[..., Any]

MOST_MEMORY_BYTES = 200 << 20
START_S, MARGIN_S = 6.0, 4.0
RUN = ("run", "-n", "23", "--probes", "none", "--deadline", "2", "--settle", "1", "-J")


@pytest.mark.parametrize("before", [nothing, greet, take_all], ids=["greeting", "answer", "report"])
@pytest.mark.parametrize("words", [(), ("-u",)], ids=["tcp", "udp"])
def test_a_line_without_an_end_takes_no_memory(before: Handle, words: tuple[str, ...], start_zcprobe: Start) -> None:
    peaks = []
    with sink(after(before, flood)) as port:
        process = start_zcprobe(*RUN, *words, "--to", f"127.0.0.1:{port}")
        while process.poll() is None:
            with suppress(OSError, StopIteration):
                found = find_processes(process.pid)
                if found is not None:
                    peaks.append(peak_bytes(found))
            time.sleep(0.01)
    assert process.returncode == 1
    assert "Traceback" not in process.stderr.read()
    assert 0 < max(peaks) < MOST_MEMORY_BYTES


@pytest.mark.parametrize("handle", [drip, after(greet, drip), after(greet, nothing)])
def test_a_byte_now_and_then_does_not_move_the_deadline(handle: Handle, zcprobe: Command) -> None:
    began = time.monotonic()
    with sink(handle) as port:
        result = zcprobe(*RUN, "-P", "8", "--to", f"127.0.0.1:{port}")
    assert_refused(result, 1, f"127.0.0.1 port {port}", "timed out")
    assert time.monotonic() - began < START_S + ANSWER_TIMEOUT_S + MARGIN_S


@pytest.mark.parametrize(
    "words",
    [
        b'{"datagram_port": 99999}\n',
        b'{"datagram_port": "x"}\n',
        b"[]\n",
        b"{" * 4095 + b"\n",
        b'{"refused": 7}\n',
        b'{"refused": "go \\u001b[2J away"}\n',
        b"{}\n{}\n",
    ],
)
def test_an_answer_that_is_none_is_refused(words: bytes, zcprobe: Command) -> None:
    with sink(after(greet, say(words))) as port:
        result = zcprobe(*RUN, "-u", "--to", f"127.0.0.1:{port}")
    assert_refused(result, 1, f"the sink at 127.0.0.1 port {port}")
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    "report",
    [b'{"bytes": -1}\n', b'{"bytes": 36893488147419103232}\n', b'{"end_ns": 1e400}\n', b'{"frames": "x"}\n', b"}\n"],
)
def test_a_report_that_is_none_is_a_sink_that_said_nothing(report: bytes, zcprobe: Command) -> None:
    with sink(after(take_all, say(report))) as port:
        result = zcprobe(*RUN, "--to", f"127.0.0.1:{port}")
    assert (result.returncode, result.stderr) == (1, "")
    sender = msgspec.json.decode(result.stdout)["sender"]
    assert (sender["outcome"], sender["sink_bytes"], sender["goodput_bps"]) == ("completed", None, None)


def test_a_report_of_more_than_was_sent_is_found_out(zcprobe: Command) -> None:
    with sink(after(take_all, say(b'{"bytes": 9223372036854775807, "start_ns": 9, "end_ns": 1}\n'))) as port:
        result = zcprobe(*RUN, "--to", f"127.0.0.1:{port}")
    assert result.returncode == 4
    assert "bytes sent = bytes at the sink" in result.stderr.splitlines()[0]
