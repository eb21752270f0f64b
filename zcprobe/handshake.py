# SPDX-License-Identifier: GPL-2.0-only
"""How a connection begins: what a sender and a sink say to each other before the stream, a line each.

    sink     GREETING, with a challenge if it asks for a token
    sender   the proof, if the sink asked for it, and a StreamPlan, which says how to read what follows
    sink     an Answer: go on, or the reason for refusing

A sender uses `announce`, the sink of a run uses `receive_plan`. A sink that serves strangers uses the single steps,
because it must not wait for any of them. Neither side reads more than the length of a line, or waits longer than one
deadline for the whole line.
"""

import re
import socket
import time

import msgspec

from zcprobe.errors import PeerError
from zcprobe.tokens import proof_of, proves
from zcprobe.wire import GREETING, NOT_DECODED, Answer, StreamPlan, encode_line

__all__ = [
    "ANSWER_TIMEOUT_S",
    "LONGEST_LINE_BYTES",
    "announce",
    "challenge_of",
    "greet",
    "read_answer",
    "read_line",
    "read_plan",
    "receive_plan",
    "write_plan",
]

LONGEST_LINE_BYTES = 4096
ANSWER_TIMEOUT_S = 5.0
"""Time for the other side's next line."""

_CHALLENGE = re.compile(re.escape(GREETING[:-1]) + rb" ([0-9a-f]{32})\n")
_PROOF_BYTES = 64
_LONGEST_REASON = 120
_SAME_VERSION = "run the same version of zcprobe on both sides"


def greet(challenge: str | None) -> bytes:
    """The line that a sink says first; `challenge` None: the sink asks for no token."""
    return GREETING if challenge is None else GREETING[:-1] + b" " + challenge.encode() + b"\n"


def read_line(connection: socket.socket, deadline_s: float) -> bytes:
    """Reads until a line ends, the other side hangs up, or a line has its greatest length. The result is complete if it
    ends with a newline. TimeoutError if `deadline_s` of time.monotonic() comes first, OSError if the connection broke.

    Both sides wait for an answer after each line, so there is nothing after the line that would have to be kept."""
    said = b""
    while not said.endswith(b"\n") and len(said) < LONGEST_LINE_BYTES:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        connection.settimeout(left_s)
        piece = connection.recv(LONGEST_LINE_BYTES - len(said))
        if not piece:
            break
        said += piece
    return said


def challenge_of(greeting: bytes, where: str) -> str | None:
    """The sink's challenge; None if it does not ask for a token. PeerError if it is not a sink of this version."""
    asked = _CHALLENGE.fullmatch(greeting)
    if asked is None and greeting != GREETING:
        raise PeerError(
            f"what listens at {where} is not a sink of this version (it said {greeting[:32]!r})", _SAME_VERSION
        )
    return None if asked is None else asked.group(1).decode()


def write_plan(plan: StreamPlan, challenge: str | None, token: str | None, where: str) -> bytes:
    """The line that answers a greeting. PeerError if the sink asks for a token and the sender has none, or the
    reverse."""
    line = encode_line(plan)
    if challenge is None and token is not None:
        raise PeerError(
            f"the sink at {where} accepts every sender and does not use a token",
            "leave the token out, or check that this is the right sink",
        )
    if challenge is None:
        return line
    if token is None:
        raise PeerError(
            f"the sink at {where} asks for a token",
            "give the token that it printed at its start: --token TOKEN, or --token-file FILE",
        )
    return proof_of(token, challenge, line) + b" " + line


def read_plan(line: bytes, challenge: str | None, token: str | None) -> StreamPlan:
    """The plan in a line that `write_plan` made. The proof comes first, and without it the plan is not parsed.
    PeerError."""
    if not line.endswith(b"\n"):
        raise PeerError("what connected is not a zcprobe sender", "connect with zcprobe run --to")
    if token is not None:
        proof, line = line[:_PROOF_BYTES], line[_PROOF_BYTES + 1 :]
        if not proves(proof, token, challenge or "", line):
            raise PeerError("the sender has no token, or a wrong one", "give it the token that this sink printed")
    try:
        plan = msgspec.json.decode(line, type=StreamPlan)
    except NOT_DECODED:
        raise PeerError(f"the sender announced something unknown: {line[:80]!r}", _SAME_VERSION) from None
    if plan.is_datagram and plan.datagram_port is None:
        raise PeerError("the sender did not say which port its datagrams come from", _SAME_VERSION)
    return plan


def read_answer(line: bytes, where: str) -> Answer:
    """The sink's answer. PeerError if the sink refused, or sent something else."""
    try:
        answer = msgspec.json.decode(line, type=Answer)
    except NOT_DECODED:
        raise PeerError(f"the sink at {where} does not answer like a sink of this version", _SAME_VERSION) from None
    if answer.refused is not None:
        raise PeerError(
            f"the sink at {where} refused this sender: {answer.refused[:_LONGEST_REASON]!r}",
            "see the output of the sink; it makes a new token each time it starts",
        )
    return answer


def _read_challenge(control: socket.socket, where: str, deadline_s: float) -> str | None:
    try:
        greeting = read_line(control, deadline_s)
    except OSError as error:
        raise PeerError(
            f"what listens at {where} does not greet as a sink does: {error.strerror or error}",
            "check that it is a zcprobe sink and that it is not stopped",
        ) from error
    return challenge_of(greeting, where)


def announce(
    control: socket.socket, plan: StreamPlan, token: str | None, where: str, deadline_s: float
) -> tuple[Answer, int]:
    """The sender's side: the answer of the sink at `where` to the plan, and the number of bytes that the sender sent
    for it.

    PeerError if the sink refuses, hangs up, sends something else, or takes longer than `ANSWER_TIMEOUT_S` for a line,
    or if `deadline_s` of time.monotonic() comes first.
    """

    def step_s() -> float:
        return min(time.monotonic() + ANSWER_TIMEOUT_S, deadline_s)

    said = write_plan(plan, _read_challenge(control, where, step_s()), token, where)
    try:
        control.sendall(said)
        line = read_line(control, step_s())
    except OSError as error:
        raise PeerError(
            f"the sink at {where} does not answer: {error.strerror or error}", "see the output of the sink"
        ) from error
    return read_answer(line, where), len(said)


def receive_plan(connection: socket.socket) -> StreamPlan:
    """The side of a sink that does not ask for a token, up to the plan. PeerError if the sender does not send a plan in
    time, hangs up, or sends something else."""
    try:
        connection.sendall(greet(None))
        line = read_line(connection, time.monotonic() + ANSWER_TIMEOUT_S)
    except OSError as error:
        raise PeerError(
            f"the sender did not say what it sends: {error.strerror or error}", "see the output of the sender"
        ) from error
    return read_plan(line, None, None)
