# SPDX-License-Identifier: GPL-2.0-only
"""What a sink says at the end of a stream, and what it must not say."""

import signal
import socket
import threading
import time

import pytest

from zcprobe.sender.answers import ask_sinks
from zcprobe.wire import SinkReport, encode_line

_REPORT = SinkReport(bytes=7)


def _answers(*said: bytes) -> list[SinkReport | None]:
    pairs = [socket.socketpair() for _ in said]
    try:
        for (_, theirs), words in zip(pairs, said, strict=True):
            theirs.sendall(words)
            theirs.shutdown(socket.SHUT_WR)
        return ask_sinks([ours for ours, _ in pairs], time.monotonic() + 5)
    finally:
        for end in sum(pairs, ()):
            end.close()


@pytest.mark.parametrize(
    "words",
    [b"", b"}\n", b'{"bytes": "x"}\n', b'{"x":' + b"[" * 5000 + b"}\n", b'{"x": "\xff', b'{"\xff": 1}}\n'],
    ids=["nothing", "no JSON", "no number", "too deep", "no end", "no text"],
)
def test_what_is_not_a_report_is_none_and_the_others_count(words: bytes) -> None:
    assert _answers(words, encode_line(_REPORT)) == [None, _REPORT]


def test_an_answer_counts_though_another_sink_takes_all_the_time() -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    try:
        (silent, _), (ours, theirs) = pairs
        theirs.sendall(encode_line(_REPORT))
        began_s = time.monotonic()
        assert ask_sinks([silent, ours], began_s + 0.3) == [None, _REPORT]
        assert 0.3 <= time.monotonic() - began_s < 1
    finally:
        for end in sum(pairs, ()):
            end.close()


def test_who_drips_has_no_longer_than_there_is_time() -> None:
    ours, theirs = socket.socketpair()
    done = threading.Event()

    def drip() -> None:
        while not done.wait(0.01):
            theirs.sendall(b"x")

    dripping = threading.Thread(target=drip)
    with ours, theirs:
        dripping.start()
        try:
            began_s = time.monotonic()
            assert ask_sinks([ours], began_s + 0.3) == [None]
            assert 0.3 <= time.monotonic() - began_s < 1
        finally:
            done.set()
            dripping.join()


def test_a_signal_that_waits_ends_the_waiting() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    ours, theirs = socket.socketpair()
    try:
        with ours, theirs:
            timer = threading.Timer(0.2, signal.pthread_kill, (threading.get_ident(), signal.SIGTERM))
            timer.start()
            began_s = time.monotonic()
            assert ask_sinks([ours], began_s + 30) == [None]
            assert time.monotonic() - began_s < 5
            timer.join()
    finally:
        signal.sigtimedwait({signal.SIGTERM}, 1)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
