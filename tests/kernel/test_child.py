# SPDX-License-Identifier: GPL-2.0-only
"""Child processes that end when they should not, and when they should."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from zcprobe import child as child_module
from zcprobe.child import Child
from zcprobe.config import RunConfig
from zcprobe.errors import PeerError, UsageError, ZcprobeError
from zcprobe.wire import SenderTask, SinkReady, SinkReport, SinkTask

pytestmark = pytest.mark.usefixtures("nothing_left")

Rogue = Callable[[str], Child]


@pytest.fixture
def rogue(monkeypatch: pytest.MonkeyPatch) -> Rogue:
    """A child that executes something else."""

    def start(code: str) -> Child:
        program = f"import os, sys, time\n{code}"
        command = [sys.executable, "-I", "-S", "-c", program]
        monkeypatch.setattr(child_module, "python_command", lambda module, packages: command)
        return Child("zcprobe.sink.process")

    return start


def test_a_killed_child_is_named_with_its_signal() -> None:
    with Child("zcprobe.sink.process", SinkTask(address="127.0.0.1", port=0)) as child:
        child.expect(SinkReady, 20)
        os.kill(child.process.pid, signal.SIGKILL)
        with pytest.raises(PeerError, match=r"the sink process was ended by signal 9"):
            child.expect(SinkReport, 20)


def test_a_word_to_a_dead_child_does_not_hide_its_end() -> None:
    with Child("zcprobe.sink.process", SinkTask(address="127.0.0.1", port=0)) as child:
        child.expect(SinkReady, 20)
        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait()
        child.send_line()
        with pytest.raises(PeerError, match="ended by signal 9"):
            child.expect(SinkReport, 20)
    # leaving flushes stdin again: a BrokenPipeError from there would look like a reader of stdout that has gone


def test_a_silent_child_is_given_up() -> None:
    with Child("zcprobe.sink.process", SinkTask(address="127.0.0.1", port=0)) as child:
        child.expect(SinkReady, 20)
        with pytest.raises(PeerError, match="does not answer"):
            child.expect(SinkReport, 0.05)
    assert child.process.returncode == -signal.SIGTERM


def test_a_child_s_own_error_is_raised_here() -> None:
    with Child("zcprobe.sink.process", SinkTask(address="127.0.0.1", port=0)) as first:
        port = first.expect(SinkReady, 20).port
        with (
            Child("zcprobe.sink.process", SinkTask(address="127.0.0.1", port=port)) as second,
            pytest.raises(UsageError, match="in use"),
        ):
            second.expect(SinkReady, 20)


def test_a_stopped_child_is_ended_without_a_grace() -> None:
    with Child("zcprobe.sink.process", SinkTask(address="127.0.0.1", port=0)) as child:
        child.expect(SinkReady, 20)
        child.signal(signal.SIGSTOP)
        # until it has stopped, a SIGTERM behind the SIGSTOP still ends it
        os.waitid(os.P_PID, child.process.pid, os.WSTOPPED | os.WNOWAIT)
    assert child.process.returncode == -signal.SIGTERM


def test_a_child_that_does_not_end_is_killed_after_a_grace() -> None:
    """A sender keeps SIGTERM for its loops, and this one waits for a greeting."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        task = SenderTask(
            address="127.0.0.1",
            port=server.getsockname()[1],
            config=RunConfig(),
            flush_variant="sticky",
            optmem_max_bytes=131072,
        )
        with ExitStack() as kept, Child("zcprobe.sender.process", task) as child:
            kept.enter_context(server.accept()[0])
        assert child.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.close(1); time.sleep(5)", "said no more, and did not end"),
        ("os.close(1); os.fork() or time.sleep(5)", r"ended with code 0"),
    ],
    ids=["stays", "leaves a process"],
)
def test_a_child_that_never_comes_to_an_end_is_given_up(code: str, words: str, rogue: Rogue) -> None:
    began_s = time.monotonic()
    with rogue(code) as child, pytest.raises(PeerError, match=words):
        child.expect(SinkReport, 0.5)
    assert time.monotonic() - began_s < 4


def test_a_child_that_stays_after_its_last_word_is_killed(rogue: Rogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "_LONGEST_END_S", 0.3, raising=False)
    with rogue("print('{}', flush=True); time.sleep(5)") as child:
        child.expect(SinkReport, 5)
        child.wait()
        assert child.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"no JSON", PeerError),
        (b"[" * 5000, PeerError),
        (b'{"kind": "\xff", "message": "x", "hint": "y"}', PeerError),
        (b'{"kind": "UsageError", "message": "x", "hint": "y"}', UsageError),
        (b'{"kind": "__name__", "message": "x", "hint": "y"}', ZcprobeError),
        (b'{"kind": "printable", "message": "x", "hint": "y"}', ZcprobeError),
    ],
    ids=["no JSON", "too deep", "no text", "an error", "no class", "a function"],
)
def test_whatever_a_child_says_is_an_error_for_people(line: bytes, kind: type[ZcprobeError], rogue: Rogue) -> None:
    with rogue(f"os.write(1, {line!r} + b'\\n')") as child, pytest.raises(ZcprobeError) as caught:
        child.expect(SinkReady, 5)
    assert type(caught.value) is kind


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts /proc")
def test_a_run_needs_to_see_no_other_users_processes(
    zcprobe: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    hidden = 'mount -t proc -o hidepid=1,gid=65533 proc /proc && exec "$@"'
    before = ("unshare", "-m", "sh", "-c", hidden, "sh")
    result = zcprobe("run", "--scenario", "in-order", "-t", "1", "--probes", "none", "-J", before=before)
    assert result.returncode == 0, result.stderr
