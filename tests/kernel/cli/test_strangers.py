# SPDX-License-Identifier: GPL-2.0-only
"""Strangers connect to `zcprobe sink`: silent, slow, lying and many. Senders are still served."""

import os
import resource
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.kernel.cli.test_sink import (
    announce,
    connected,
    frame,
    free_port,
    pattern,
    read_report,
    send,
    sending_datagrams,
)
from zcprobe.handshake import ANSWER_TIMEOUT_S
from zcprobe.sink.reception import MOST_SERVED, MOST_WAITING
from zcprobe.sink.refusals import LINES_PER_INTERVAL
from zcprobe.sink.serving import IDLE_S
from zcprobe.wire import GREETING, Answer, StreamPlan, encode_line

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

SILENT = 2003
MOST_MEMORY_BYTES = 100 << 20
MARGIN_S = 3.0
"""Timeout that is long enough for a busy machine."""


class Sink:
    """A `zcprobe sink` on loopback; `err` is where its stderr goes."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, err: Path) -> None:
        self.process = process
        self.port = port
        self._err = err

    def said(self) -> list[str]:
        return self._err.read_text().splitlines()

    def status(self, name: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))

    @property
    def memory_bytes(self) -> int:
        return self.status("VmRSS") * 1024

    @property
    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@contextmanager
def started(start_zcprobe: Start, folder: Path, *words: str, before: tuple[str, ...] = ()) -> Iterator[Sink]:
    port = free_port()
    into_file = ("sh", "-c", 'exec "$@" 2>err', "sh")
    process = start_zcprobe("sink", "-B", "127.0.0.1", "-p", str(port), *words, before=(*before, *into_file))
    deadline = time.monotonic() + 20
    while not (folder / "err").exists() or "listening" not in (folder / "err").read_text():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    yield Sink(process, port, folder / "err")
    process.terminate()
    process.wait()


@pytest.fixture
def sink(start_zcprobe: Start, tmp_path: Path) -> Iterator[Sink]:
    with started(start_zcprobe, tmp_path) as sink:
        yield sink


@pytest.fixture
def many_files() -> Iterator[None]:
    """Lets this process open a socket for each stranger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, SILENT + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def until(true: Callable[[], bool], longest_s: float = 10.0) -> None:
    deadline = time.monotonic() + longest_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_for_this_host_alone_unless_told(start_zcprobe: Start) -> None:
    port = free_port()
    process = start_zcprobe("sink", "-p", str(port))
    assert process.stderr is not None
    assert process.stderr.readline() == f"listening on 127.0.0.1 port {port}\n"
    assert "-B ADDRESS listens elsewhere, and asks for a token" in process.stderr.readline()
    listening = subprocess.run(["ss", "-Hltn", f"sport = {port}"], capture_output=True, text=True, check=True).stdout
    assert [line.split()[3] for line in listening.splitlines()] == [f"127.0.0.1:{port}"]
    assert send(port, pattern(1009)).bytes == 1009


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_elsewhere_it_asks_for_a_token(address: str, start_zcprobe: Start) -> None:
    port = free_port()
    process = start_zcprobe("sink", "-B", address, "-p", str(port))
    assert process.stderr is not None
    assert process.stderr.readline() == f"listening on {address} port {port}\n"
    assert f"zcprobe run --to {socket.gethostname()}:{port} --token " in process.stderr.readline()
    with socket.create_connection(("::1" if ":" in address else "127.0.0.1", port), timeout=10) as stranger:
        assert stranger.recv(4096).startswith(GREETING[:-1] + b" ")
        stranger.sendall(encode_line(StreamPlan()))
        assert b'"the sender has no token, or a wrong one"' in stranger.recv(4096)
        assert stranger.recv(4096) == b""
    assert "refused " in process.stderr.readline()


def test_thousands_of_silent_ones_cost_no_thread_and_no_sender(sink: Sink, many_files: None) -> None:
    send(sink.port, pattern(1009))
    before_bytes = sink.memory_bytes
    with ExitStack() as stack:
        for number in range(SILENT):
            stack.enter_context(connect(sink.port))
            if number % 200 == 0:
                assert send(sink.port, pattern(1 << 20)).first_mismatch is None
        assert sink.descriptors <= MOST_WAITING + 20
        assert sink.status("Threads") <= 3
        assert sink.memory_bytes < min(MOST_MEMORY_BYTES, before_bytes + (10 << 20))
        assert send(sink.port, pattern(1009)).bytes == 1009
    assert "others wait for its place" in sink.said()[1]
    until(lambda: any("more lines like these" in line for line in sink.said()))


def test_a_plan_byte_by_byte_does_not_move_the_deadline(sink: Sink) -> None:
    with connect(sink.port) as slow:
        assert slow.recv(4096) == GREETING
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began < 2 * ANSWER_TIMEOUT_S + MARGIN_S:
                slow.send(b" ")
                time.sleep(0.2)
        assert ANSWER_TIMEOUT_S - 0.5 < time.monotonic() - began < ANSWER_TIMEOUT_S + MARGIN_S
    assert sink.said()[1:] == ["zcprobe: refused 127.0.0.1: it has not said within 5 s what it sends"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (b"", "it hung up without a word"),
        (b"GET / HTTP/1.1\r\n", "the sender announced something unknown: b'GET / HTTP/1.1\\r\\n'"),
        (b"x" * 4096, "what connected is not a zcprobe sender"),
        (b"\x1b[2J\n", "the sender announced something unknown: b'\\x1b[2J\\n'"),
    ],
)
def test_each_stranger_is_a_line(words: bytes, reason: str, sink: Sink) -> None:
    with connect(sink.port) as stranger:
        stranger.sendall(words)
        stranger.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while stranger.recv(4096):
                pass
    until(lambda: len(sink.said()) > 1)
    assert sink.said()[1:] == [f"zcprobe: refused 127.0.0.1: {reason}"]


def test_a_flood_of_strangers_is_some_lines_and_a_count(sink: Sink) -> None:
    began = time.monotonic()
    for _ in range(1009):
        connect(sink.port).close()
    until(lambda: sum(map(told, sink.said()[1:])) == 1009)
    took_s = time.monotonic() - began
    assert len(sink.said()) <= 1 + (LINES_PER_INTERVAL + 1) * (took_s + 2)


def told(line: str) -> int:
    """Number of refusals that a line stands for."""
    return int(line.split()[2]) if line.endswith("more lines like these") else 1


def test_a_port_scan_does_not_end_a_one_off_sink(start_zcprobe: Start, tmp_path: Path) -> None:
    with started(start_zcprobe, tmp_path, "-1") as sink:
        for words in (b"", b"\n", b"GET / HTTP/1.1\r\n\r\n"):
            with connect(sink.port) as stranger:
                stranger.sendall(words)
        time.sleep(0.5)
        assert sink.process.poll() is None
        with connected(sink.port) as first, connected(sink.port) as second:
            for channel in (first, second):
                channel.sendall(pattern(1009))
            first.shutdown(socket.SHUT_WR)
            assert read_report(first).bytes == 1009
            assert sink.process.poll() is None  # the other channels of the run are not cut
            second.sendall(pattern(2018)[1009:])
            second.shutdown(socket.SHUT_WR)
            assert read_report(second).first_mismatch is None
        assert sink.process.wait(10) == 0


def test_with_few_descriptors_it_serves_fewer_and_with_too_few_it_says_so(
    start_zcprobe: Start, zcprobe: Command, tmp_path: Path
) -> None:
    limited = ("prlimit", "--nofile=64:64")
    with started(start_zcprobe, tmp_path, before=limited) as sink, ExitStack() as stack:
        for _ in range(211):
            stack.enter_context(connect(sink.port))
        assert send(sink.port, pattern(1 << 20)).first_mismatch is None
    result = zcprobe("sink", "-p", str(free_port()), before=("prlimit", "--nofile=33:33"))
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.splitlines()[0] == "zcprobe: this process may open 33 files, which is too few for a sink"
    assert result.stderr.splitlines()[1].strip().startswith("raise the limit: ulimit -n ")


def test_a_low_limit_of_descriptors_is_raised(start_zcprobe: Start, tmp_path: Path) -> None:
    with started(start_zcprobe, tmp_path, before=("prlimit", "--nofile=40:4096")) as sink, ExitStack() as stack:
        for _ in range(211):
            stack.enter_context(connect(sink.port))
        until(lambda: sink.descriptors > 211)


def test_idle_streams_give_way_to_one_that_sends(sink: Sink) -> None:
    """While all places are taken, a sender is told so."""
    with ExitStack() as stack:
        for _ in range(MOST_SERVED):
            stack.enter_context(connected(sink.port))
        began = time.monotonic()
        with connect(sink.port) as early:
            assert announce(early, StreamPlan()).refused == f"all {MOST_SERVED} places are taken"
        assert sink.memory_bytes < MOST_MEMORY_BYTES
        time.sleep(max(0.0, began + IDLE_S + 1.5 - time.monotonic()))
        assert send(sink.port, pattern(1009)).bytes == 1009
    assert any("nothing came of its stream for 10 s, and others wait" in line for line in sink.said())


def test_full_of_streams_that_send_it_stays_small(sink: Sink) -> None:
    content = pattern(8 << 20)
    with ExitStack() as stack:
        for _ in range(MOST_SERVED):
            stack.enter_context(connected(sink.port)).sendall(content)
        assert sink.memory_bytes < MOST_MEMORY_BYTES


def test_datagrams_of_others_are_not_taken(sink: Sink) -> None:
    content = pattern(23 * 100)
    with sending_datagrams(sink.port) as (control, data), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for position in range(0, len(content), 100):
            other.sendto(b"not of this sender", data.getpeername())
            data.send(frame(position, content[position : position + 100]))
        control.shutdown(socket.SHUT_WR)
        report = read_report(control)
    assert (report.frames, report.first_mismatch) == (23, None)


def test_a_sender_s_host_that_vanishes_is_noticed(sink: Sink) -> None:
    with connected(sink.port) as sender:
        asked = ("ss", "-Htno", "state", "established", f"sport = {sink.port}", f"dport = {sender.getsockname()[1]}")
        # at first the timer is that of the answer, until the answer is acknowledged
        until(lambda: b"timer:(keepalive,29" in subprocess.run(asked, capture_output=True, check=True).stdout)


def test_a_reader_of_its_words_that_has_stopped_does_not_stop_it(start_zcprobe: Start, tmp_path: Path) -> None:
    """stderr is a full pipe that nobody reads."""
    os.mkfifo(tmp_path / "words")
    words = os.open(tmp_path / "words", os.O_RDWR | os.O_NONBLOCK)
    port = free_port()
    into_pipe = ("sh", "-c", 'exec "$@" 2>words', "sh")
    start_zcprobe("sink", "-B", "127.0.0.1", "-p", str(port), before=into_pipe)
    until(lambda: bool(select.select([words], [], [], 0)[0]), 20)
    with suppress(BlockingIOError):
        while True:
            os.write(words, b"x" * 4096)
    for _ in range(23):
        connect(port).close()
    assert send(port, pattern(1009)).bytes == 1009
    os.close(words)


def test_an_answer_is_all_that_a_sender_needs(sink: Sink) -> None:
    with connect(sink.port) as sender:
        assert announce(sender, StreamPlan(is_framed=True)) == Answer()


@pytest.mark.parametrize(
    ("into", "code", "words"),
    [
        (">/dev/full", 2, "zcprobe: stdout cannot be written: No space left on device\n"),
        (">&-", 2, "zcprobe: stdout cannot be written: Bad file descriptor\n"),
        ("| true", 0, ""),
    ],
)
def test_an_output_that_takes_nothing_ends_it_in_two_lines(
    into: str, code: int, words: str, start_zcprobe: Start, tmp_path: Path
) -> None:
    port = free_port()
    script = f'{{ "$@" 2>err; echo $? >code; }} {into}'
    process = start_zcprobe("sink", "-B", "127.0.0.1", "-p", str(port), before=("sh", "-c", script, "sh"))
    until(lambda: (tmp_path / "err").exists() and "listening" in (tmp_path / "err").read_text(), 20)
    send(port, pattern(1009))
    process.wait(20)
    assert (tmp_path / "code").read_text() == f"{code}\n"
    said = (tmp_path / "err").read_text().splitlines(keepends=True)[1:]
    assert said[:1] == [words][: len(words)]
    assert len(said) == (2 if words else 0)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("vsock:x", "'vsock:x' does not name a vsock context"),
        ("vsock:", "does not name a vsock context"),
        ("vsock:-1", "does not name a vsock context"),
        ("vsock:4294967296", "does not name a vsock context"),
        ("vsock:" + "9" * 400, "does not name a vsock context"),
        ("", "cannot be the name of a host"),
        ("x" * 300, "cannot be the name of a host"),
        ("x" * 70 + ".y", "cannot be the name of a host"),
        ("ä" * 70, "cannot be the name of a host"),
        ("a..b", "cannot be the name of a host"),
        (".".join(["x" * 60] * 5), "cannot listen on"),
        ("-1", "cannot listen on"),
    ],
)
def test_an_address_that_no_sink_has_is_usage(address: str, words: str, zcprobe: Command) -> None:
    result = zcprobe("sink", f"--bind={address}")
    assert (result.returncode, result.stdout) == (2, "")
    what, to_do = result.stderr.splitlines()
    assert what.startswith("zcprobe: ")
    assert words in what
    assert to_do.startswith("  ")
