"""How a connection begins: what a sender and a sink say to each other before the stream, a line each.

    sink     GREETING, with a challenge when the sink asks for a token
    sender   the proof, when there was a challenge, and a StreamPlan, which says how to read what follows
    sink     an Answer: go on, or the reason why not

A sender goes through it with `announce`, the sink of a run with `receive_plan`. A sink that serves strangers uses the
single steps, because it never waits for one of them. Nothing is read beyond the length of a line, and nobody is waited
for beyond a deadline for the whole of it.
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
"""How long one side waits for the whole of the next line of the other."""

_CHALLENGE = re.compile(re.escape(GREETING[:-1]) + rb" ([0-9a-f]{32})\n")
_PROOF_BYTES = 64
_LONGEST_REASON = 120
_SAME_VERSION = "run the same version of zcprobe on both sides"


def greet(challenge: str | None) -> bytes:
    """The line that a sink says first; `challenge` None: the sink asks for no token."""
    return GREETING if challenge is None else GREETING[:-1] + b" " + challenge.encode() + b"\n"


def read_line(connection: socket.socket, deadline_s: float) -> bytes:
    """The other side's next line. It is incomplete, without a newline at its end, when the other side hangs up, or has
    said `LONGEST_LINE_BYTES`. TimeoutError at `deadline_s` of time.monotonic(); OSError when the connection breaks.

    Both sides wait for an answer after each line, so nothing comes after it that would have to be kept.
    """
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
    """The challenge in a greeting; None when the sink asks for no token. PeerError when the greeting is not one of a
    sink of this version; `where` is the sink's address and port, for the message."""
    asked = _CHALLENGE.fullmatch(greeting)
    if asked is None and greeting != GREETING:
        raise PeerError(
            f"what listens at {where} is not a sink of this version (it said {greeting[:32]!r})", _SAME_VERSION
        )
    return None if asked is None else asked.group(1).decode()


def write_plan(plan: StreamPlan, challenge: str | None, token: str | None, where: str) -> bytes:
    """The line that answers a greeting. PeerError when the sink asks for a token and the sender has none, or when the
    sender has one and the sink does not ask."""
    line = encode_line(plan)
    if challenge is None and token is not None:
        raise PeerError(
            f"the sink at {where} takes every sender, and does not look at a token",
            "leave the token out, or see that this is the sink you mean",
        )
    if challenge is None:
        return line
    if token is None:
        raise PeerError(
            f"the sink at {where} asks for a token",
            "give the one that it printed when it started: --token TOKEN, or --token-file FILE",
        )
    return proof_of(token, challenge, line) + b" " + line


def read_plan(line: bytes, challenge: str | None, token: str | None) -> StreamPlan:
    """The plan in a line that `write_plan` made. The proof stands first, and without the right one nothing else in the
    line is believed. PeerError when the proof, or the plan, is not valid."""
    if not line.endswith(b"\n"):
        raise PeerError("what connected is not a zcprobe sender", "connect with zcprobe run --to")
    if token is not None:
        proof, line = line[:_PROOF_BYTES], line[_PROOF_BYTES + 1 :]
        if not proves(proof, token, challenge or "", line):
            raise PeerError("the sender has no token, or another one", "give it the one that this sink printed")
    try:
        plan = msgspec.json.decode(line, type=StreamPlan)
    except NOT_DECODED:
        raise PeerError(f"the sender announced what this sink does not know: {line[:80]!r}", _SAME_VERSION) from None
    if plan.is_datagram and plan.datagram_port is None:
        raise PeerError("the sender does not say from where its datagrams come", _SAME_VERSION)
    return plan


def read_answer(line: bytes, where: str) -> Answer:
    """The answer in a sink's line. PeerError when the sink refused, or the line is something else."""
    try:
        answer = msgspec.json.decode(line, type=Answer)
    except NOT_DECODED:
        raise PeerError(f"the sink at {where} does not answer as one of this version does", _SAME_VERSION) from None
    if answer.refused is not None:
        raise PeerError(
            f"the sink at {where} refused this sender: {answer.refused[:_LONGEST_REASON]!r}",
            "look at what the sink printed; each time that it starts it makes a new token",
        )
    return answer


def _read_challenge(control: socket.socket, where: str, deadline_s: float) -> str | None:
    try:
        greeting = read_line(control, deadline_s)
    except OSError as error:
        raise PeerError(
            f"what listens at {where} does not greet as a sink does: {error.strerror or error}",
            "see that it is a zcprobe sink, and that nothing has stopped it",
        ) from error
    return challenge_of(greeting, where)


def announce(
    control: socket.socket, plan: StreamPlan, token: str | None, where: str, deadline_s: float
) -> tuple[Answer, int]:
    """The sender's side: what the sink at `where` answers to the plan, and how many bytes the sender has said by then.

    PeerError when the sink refuses, breaks off, says something else, or takes longer than `ANSWER_TIMEOUT_S` for a
    line, or when `deadline_s` of time.monotonic() comes first.
    """

    def step_s() -> float:
        return min(time.monotonic() + ANSWER_TIMEOUT_S, deadline_s)

    said = write_plan(plan, _read_challenge(control, where, step_s()), token, where)
    try:
        control.sendall(said)
        line = read_line(control, step_s())
    except OSError as error:
        raise PeerError(
            f"the sink at {where} does not answer: {error.strerror or error}", "look at what the sink says"
        ) from error
    return read_answer(line, where), len(said)


def receive_plan(connection: socket.socket) -> StreamPlan:
    """The side of a sink that asks for no token, up to the plan. PeerError when the sender does not say in time what it
    sends, breaks off, or says something else."""
    try:
        connection.sendall(greet(None))
        line = read_line(connection, time.monotonic() + ANSWER_TIMEOUT_S)
    except OSError as error:
        raise PeerError(
            f"the sender did not say what it sends: {error.strerror or error}", "look at what the sender says"
        ) from error
    return read_plan(line, None, None)
