# SPDX-License-Identifier: GPL-2.0-only
"""Lines between sender and sink: right ones, wrong ones, endless ones, and lines that never come."""

import socket
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcprobe.errors import PeerError
from zcprobe.handshake import (
    LONGEST_LINE_BYTES,
    announce,
    challenge_of,
    greet,
    read_answer,
    read_line,
    read_plan,
    receive_plan,
    write_plan,
)
from zcprobe.wire import GREETING, Answer, StreamPlan, encode_line

TOKEN, CHALLENGE = "0123456789abcdef" * 2, "00112233445566778899aabbccddeeff"
PLANS = [StreamPlan(), StreamPlan(is_framed=True, respond=True), StreamPlan(is_datagram=True, datagram_port=1009)]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize(("challenge", "token"), [(None, None), (CHALLENGE, TOKEN)])
def test_a_plan_is_read_as_it_was_written(plan: StreamPlan, challenge: str | None, token: str | None) -> None:
    assert challenge_of(greet(challenge), "here") == challenge
    assert read_plan(write_plan(plan, challenge, token, "here"), challenge, token) == plan


@pytest.mark.parametrize(
    ("challenge", "token", "words"),
    [(CHALLENGE, None, "asks for a token"), (None, TOKEN, "does not use a token")],
)
def test_a_token_goes_where_it_is_asked_for_and_nowhere_else(
    challenge: str | None, token: str | None, words: str
) -> None:
    with pytest.raises(PeerError, match=words):
        write_plan(StreamPlan(), challenge, token, "here")


@given(st.binary(max_size=200))
def test_without_the_token_nothing_is_believed(line: bytes) -> None:
    with pytest.raises(PeerError, match=r"no token|not a zcprobe sender"):
        read_plan(line + b"\n", CHALLENGE, TOKEN)
    with pytest.raises(PeerError, match="no token"):
        read_plan(write_plan(StreamPlan(), CHALLENGE, TOKEN[::-1], "here"), CHALLENGE, TOKEN)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"\n",
        b"[]\n",
        b'{"is_framed": 1}\n',
        b'{"is_datagram": true}\n',
        b'{"is_datagram": true, "datagram_port": 0}\n',
        b'{"datagram_port": 65536}\n',
        b"[" * 4000 + b"\n",
        b"GET / HTTP/1.1\r\n",
        b"\xff\xfe\n",
    ],
)
def test_what_is_not_a_plan_is_refused(line: bytes) -> None:
    with pytest.raises(PeerError):
        read_plan(line, None, None)


@given(st.binary(max_size=100).filter(lambda greeting: greeting != GREETING))
def test_a_greeting_is_a_sink_s_or_refused(greeting: bytes) -> None:
    with pytest.raises(PeerError, match="not a sink of this version"):
        challenge_of(greeting, "here")
    with pytest.raises(PeerError, match="not a sink of this version"):
        challenge_of(GREETING + greeting + b".", "here")


@pytest.mark.parametrize("answer", [Answer(), Answer(datagram_port=1009)])
def test_an_answer_is_read_as_it_was_written(answer: Answer) -> None:
    assert read_answer(encode_line(answer), "here") == answer


@pytest.mark.parametrize(
    "line",
    [b"", b"null\n", b'{"datagram_port": 99999}\n', b'{"datagram_port": -1}\n', b"{}\n{}\n", b'{"refused": "\xff"}\n'],
)
def test_what_is_not_an_answer_is_refused(line: bytes) -> None:
    with pytest.raises(PeerError, match="does not answer like a sink of this version"):
        read_answer(line, "here")


def test_a_reason_is_shown_without_what_a_terminal_would_obey() -> None:
    with pytest.raises(PeerError) as caught:
        read_answer(encode_line(Answer(refused="\x1b[2J" + "x" * 3000)), "here")
    assert "\\x1b[2J" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 240


def test_a_line_is_read_to_its_end_or_to_the_end_of_the_connection() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"one\n")
        assert read_line(ours, time.monotonic() + 5) == b"one\n"
        theirs.sendall(b"two")
        theirs.shutdown(socket.SHUT_WR)
        assert read_line(ours, time.monotonic() + 5) == b"two"


def test_an_endless_line_is_read_no_further_than_a_line_may_be_long() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                theirs.send(b"x" * 65536)
        assert len(read_line(ours, time.monotonic() + 5)) == LONGEST_LINE_BYTES


def test_a_byte_now_and_then_does_not_move_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    over = threading.Event()

    def drip() -> None:
        with suppress(OSError):
            while not over.wait(0.05):
                theirs.send(b"x")

    thread = threading.Thread(target=drip)
    with ours, theirs:
        thread.start()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            read_line(ours, began + 0.5)
        assert 0.45 < time.monotonic() - began < 5
        over.set()
        thread.join()


@pytest.mark.parametrize("plan", PLANS)
def test_both_sides_come_to_the_same_plan_and_to_an_answer(plan: StreamPlan) -> None:
    ours, theirs = socket.socketpair()
    found: list[StreamPlan] = []

    def receive() -> None:
        found.append(receive_plan(theirs))
        theirs.sendall(encode_line(Answer(datagram_port=1013)))

    thread = threading.Thread(target=receive)
    with ours, theirs:
        thread.start()
        answer, said_bytes = announce(ours, plan, None, "here", time.monotonic() + 5)
        thread.join()
    assert (found, answer.datagram_port) == ([plan], 1013)
    assert said_bytes == len(encode_line(plan))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "does not greet as a sink does: timed out"),
        (b"220 ready\r\n", "not a sink of this version"),
        (GREETING, "does not answer: timed out"),
        (GREETING[:-1] + b" " + CHALLENGE.encode() + b"\n", "asks for a token"),
    ],
    ids=["nothing", "another greeting", "no answer", "a challenge"],
)
def test_a_sender_gives_a_sink_up_at_the_deadline_and_names_the_step(said: bytes, words: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(said)
        with pytest.raises(PeerError, match=words):
            announce(ours, StreamPlan(), None, "here", time.monotonic() + 0.2)


def test_a_sink_gives_up_a_sender_that_hangs_up_before_its_plan() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.shutdown(socket.SHUT_WR)
        with pytest.raises(PeerError, match="not a zcprobe sender"):
            receive_plan(theirs)
