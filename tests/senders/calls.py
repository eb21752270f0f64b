# SPDX-License-Identifier: GPL-2.0-only
"""An independent count: what each thread of a process calls, by strace."""

import re
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

__all__ = ["LARGEST_SEND_BYTES", "Call", "Counts", "count_calls", "read_calls", "traced"]

LARGEST_SEND_BYTES = 128 * 4096
"""A full packet of QEMU's multifd: 128 pages, in one send."""

_TRACED = "sendmsg,recvmsg,poll,ppoll"
_ATTACH_S = 20.0
_LINE = re.compile(r"(?P<tid>\d+) +[\d:.]+ (?P<text>.*)")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(?P<rest>.*)")
_UNFINISHED = " <unfinished ...>"
_WHOLE = re.compile(r"(?P<name>\w+)\(.*\) += (?P<result>-?\d+)(?: (?P<error>E\w+))?.*")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of one thread. `error` is the name of its errno, or None."""

    tid: int
    name: str
    result: int
    error: str | None
    is_zerocopy: bool
    reads_errqueue: bool


class Counts(msgspec.Struct, kw_only=True):
    """What one thread did. `sends` and `plain_sends` were accepted, with and without MSG_ZEROCOPY; `notifications_read`
    came from the error queue.

    `unwaited_flushes`: an ENOBUFS, reads down to EAGAIN without a poll in between, and ENOBUFS again.
    """

    sends: int = 0
    plain_sends: int = 0
    bytes_sent: int = 0
    largest_sends: int = 0
    enobufs: int = 0
    notifications_read: int = 0
    unwaited_flushes: int = 0


@contextmanager
def traced(pid: int, output: Path) -> Iterator[None]:
    """Has strace follow every thread of the process, those that it starts too, inside the context. Each call is a line
    of the file `output`, or two if another thread's call came between."""
    words = ["strace", "-f", "-q", "-tt", "-T", "-e", f"trace={_TRACED}", "-e", "signal=none"]
    process = subprocess.Popen([*words, "-o", str(output), "-p", str(pid)], stdin=subprocess.DEVNULL)
    try:
        _wait_for_tracer(pid, process.pid)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # it detaches, and the process goes on
        try:
            process.wait(_ATTACH_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait_for_tracer(pid: int, tracer: int) -> None:
    deadline = time.monotonic() + _ATTACH_S
    while {_tracer_of(task) for task in Path(f"/proc/{pid}/task").iterdir()} - {None} != {tracer}:
        if time.monotonic() > deadline:
            raise TimeoutError(f"strace did not attach to every thread of {pid} within {_ATTACH_S:.0f} s")
        time.sleep(0.02)


def _tracer_of(task: Path) -> int | None:
    """None for a thread that has ended."""
    try:
        lines = (task / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("TracerPid:"))


def read_calls(lines: Iterable[str]) -> Iterator[Call]:
    """The calls that have returned, in the order in which they did. Of a call on two lines the first one has the flags
    of a sendmsg, and the second the result."""
    begun: dict[str, str] = {}
    for line in lines:
        found = _LINE.fullmatch(line.rstrip("\n"))
        if found is None:
            continue
        tid, text = found["tid"], found["text"]
        if text.endswith(_UNFINISHED):
            begun[tid] = text.removesuffix(_UNFINISHED)
            continue
        if resumed := _RESUMED.fullmatch(text):
            text = begun.pop(tid, "unknown(") + resumed["rest"]
        if whole := _WHOLE.fullmatch(text):
            yield _call(int(tid), text, whole)


def _call(tid: int, text: str, whole: "re.Match[str]") -> Call:
    return Call(
        tid=tid,
        name=whole["name"],
        result=int(whole["result"]),
        error=whole["error"],
        is_zerocopy="MSG_ZEROCOPY" in text,
        reads_errqueue="MSG_ERRQUEUE" in text,
    )


def count_calls(calls: Iterable[Call]) -> dict[int, Counts]:
    """What each thread did, by its tid."""
    counts: dict[int, Counts] = {}
    since: dict[int, list[Call]] = {}
    for call in calls:
        of_thread = counts.setdefault(call.tid, Counts())
        if call.name != "sendmsg":
            of_thread.notifications_read += call.reads_errqueue and call.result >= 0
            since.get(call.tid, []).append(call)
            continue
        if call.error == "ENOBUFS":
            of_thread.unwaited_flushes += call.tid in since and _did_not_wait(since[call.tid])
            of_thread.enobufs += 1
            since[call.tid] = []
        else:
            since.pop(call.tid, None)
            _count_send(of_thread, call)
    return counts


def _count_send(of_thread: Counts, call: Call) -> None:
    if call.result <= 0:
        return
    of_thread.bytes_sent += call.result
    if call.is_zerocopy:
        of_thread.sends += 1
        of_thread.largest_sends += call.result == LARGEST_SEND_BYTES
    else:
        of_thread.plain_sends += 1


def _did_not_wait(between: list[Call]) -> bool:
    """Of the calls between two refused sends: the error queue was read until it was empty, and nobody waited for
    more."""
    reads = [call for call in between if call.reads_errqueue]
    polls = [call for call in between if call.name in ("poll", "ppoll")]
    return bool(reads) and reads[-1].error == "EAGAIN" and not polls
