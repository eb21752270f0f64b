# SPDX-License-Identifier: GPL-2.0-only
"""Hostile sinks for a sender of root's: endless lines, slow lines, junk, silence, hanging up, at every step.

Each run must end within its deadlines, with a documented exit code, at most two lines, and no traceback. Its sender
must not grow, whatever it receives.
"""

import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress

from tests.hostile_sinks import Handle, after, drip, flood, greet, nothing, peak_bytes, say, sink, take_all
from tests.outside import find_processes
from zcprobe.handshake import greet as greeting
from zcprobe.wire import Answer, SinkReport, encode_line

SHORT = 8
LONG = 300

_MOST_MEMORY_BYTES = 200 << 20
_DEADLINE_S, _SETTLE_S = 2, 1
_LONGEST_S = 30.0
"""Start and end on a busy machine, 5 s for each of greeting and answer, the deadlines, and 2 s for the sink's word."""
_CODES = {0, 1, 4}
_RUN = ("run", "-n", "23", "--probes", "none", "--deadline", f"{_DEADLINE_S}", "--settle", f"{_SETTLE_S}", "-J")


def _damaged(line: bytes, dice: random.Random) -> bytes:
    """Flips one bit of the line, cuts it short, or appends something."""
    changed = bytearray(line)
    changed[dice.randrange(len(line))] ^= 1 << dice.randrange(8)
    return dice.choice(
        (bytes(changed), line[: dice.randrange(len(line))], line + dice.randbytes(dice.randrange(1, 99)))
    )


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def _step(dice: random.Random) -> tuple[str, Handle, bytes]:
    """The step up to which the sink behaves well, and the line that would come next."""
    report = SinkReport(bytes=23 << 16, frames=dice.choice((0, 23)), end_ns=1)
    steps: tuple[tuple[str, Handle, bytes], ...] = (
        ("the greeting", nothing, greeting(dice.choice((None, "0" * 32)))),
        ("the answer", greet, encode_line(Answer(datagram_port=dice.choice((None, 9))))),
        ("the report", take_all, encode_line(report)),
    )
    return dice.choice(steps)


def _harm(line: bytes, dice: random.Random) -> tuple[str, Handle]:
    harms: tuple[tuple[str, Callable[[], Handle]], ...] = (
        ("flood", lambda: flood),
        ("drip", lambda: drip),
        ("silence", lambda: nothing),
        ("reset", lambda: _reset),
        ("junk", lambda: say(dice.randbytes(dice.randrange(1, 8000)))),
        ("damage", lambda: say(_damaged(line, dice))),
        ("damage and reset", lambda: after(say(_damaged(line, dice)), _reset)),
    )
    name, make = dice.choice(harms)
    return name, make()


def _watch(process: "subprocess.Popen[str]") -> tuple[float, int]:
    """Seconds until it ended, or the longest that it may take; and the most memory that its sender had."""
    began_s, most_bytes = time.monotonic(), 0
    while process.poll() is None and time.monotonic() - began_s < _LONGEST_S:
        with suppress(OSError, StopIteration):
            processes = find_processes(process.pid)
            if processes is not None:
                most_bytes = max(most_bytes, peak_bytes(processes))
        time.sleep(0.02)
    return time.monotonic() - began_s, most_bytes


def _judge(process: "subprocess.Popen[str]", what: str) -> list[str]:
    took_s, most_bytes = _watch(process)
    if process.poll() is None:
        process.kill()
        process.communicate()
        return [f"{what}: the run had not ended after {took_s:.0f} s"]
    _, error = process.communicate()
    findings = []
    if process.returncode not in _CODES or "Traceback" in error or len(error.splitlines()) not in (0, 2):
        findings.append(f"{what}: exit code {process.returncode}, {error[-400:]!r}")
    if most_bytes > _MOST_MEMORY_BYTES:
        findings.append(f"{what}: the sender had {most_bytes} bytes of memory")
    return findings


def attack(rounds: int, seed: int) -> list[str]:
    """A sentence for each thing that went wrong, in so many runs with a sink that misbehaves at one step."""
    dice, findings = random.Random(seed), []
    for number in range(rounds):
        step, before, line = _step(dice)
        harm, then = _harm(line, dice)
        words = dice.choice(((), ("-u",), ("--traffic", "rpc"), ("-P", "3")))
        with sink(after(before, then)) as port, tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen(
                [sys.executable, "-m", "zcprobe", *_RUN, *words, "--to", f"127.0.0.1:{port}", "-o", folder],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            findings += _judge(process, f"round {number}, {harm} in the place of {step}, {' '.join(words) or 'tcp'}")
    return findings
