# SPDX-License-Identifier: GPL-2.0-only
"""Compares what arrived with what was sent, over a path that loses data or on which nobody answers any more."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

import zcprobe as package
from tests.outside import write_token
from zcprobe.dataset.run import Run
from zcprobe.wire import GREETING, Answer, SinkReport, encode_line

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

SENDER, SINK = f"zcl-tx-{os.getpid()}", f"zcl-rx-{os.getpid()}"
TARGET = "10.98.0.2:5399"
TOKEN = ("--token-file", "token")
TIME_S, DEADLINE_S, SETTLE_S = 2.0, 1.0, 0.5
BEYOND_S = 5
"""Longest time between a run's deadlines and its end."""
START_S = 6
"""Longest time until a sender sends, on a busy machine."""
SHORT = ("-t", f"{TIME_S}", "--deadline", f"{DEADLINE_S}", "--settle", f"{SETTLE_S}", "--probes", "none")


def run_words(*words: str) -> None:
    subprocess.run(words, check=True)


@pytest.fixture
def path(nothing_left: None, tmp_path: Path) -> Iterator[None]:
    """Two new namespaces with a veth pair between them, and a token for sink and sender."""
    write_token(tmp_path)
    made = []
    try:
        for name in (SENDER, SINK):
            run_words("ip", "netns", "add", name)
            made.append(name)
        run_words("ip", "-n", SENDER, "link", "add", "zcl0", "type", "veth", "peer", "name", "zcl1", "netns", SINK)
        for name, device, last in ((SENDER, "zcl0", 1), (SINK, "zcl1", 2)):
            run_words("ip", "-n", name, "addr", "add", f"10.98.0.{last}/24", "dev", device)
            run_words("ip", "-n", name, "link", "set", device, "up")
            run_words("ip", "-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in made:
            run_words("ip", "netns", "del", name)


@pytest.fixture
def sink(path: None, start_zcprobe: Start) -> Iterator["subprocess.Popen[str]"]:
    process = start_zcprobe("sink", "-B", "10.98.0.2", "-p", "5399", *TOKEN, before=("ip", "netns", "exec", SINK))
    assert process.stderr is not None
    assert process.stderr.readline().startswith("listening on")
    yield process
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()


def lose_every_other_datagram() -> None:
    """Drops every second datagram. Payloads have 1376 bytes, 43 times 32, so bit 5 of a frame's position is set in
    every second one. Those are redirected to a device that is down, which drops them."""
    run_words("ip", "-n", SINK, "link", "add", "zcl-down", "type", "ifb")
    run_words("tc", "-n", SINK, "qdisc", "add", "dev", "zcl1", "ingress")
    where = ("match", "ip", "protocol", "17", "0xff", "match", "u8", "0x20", "0x20", "at", "36")
    drop = ("action", "mirred", "egress", "redirect", "dev", "zcl-down")
    run_words(
        "tc", "-n", SINK, "filter", "add", "dev", "zcl1", "parent", "ffff:", "protocol", "ip", "u32", *where, *drop
    )


def received_datagrams() -> int:
    """Datagrams received according to the kernel in the sink's namespace, without those that a full socket lost."""
    words = ("ip", "netns", "exec", SINK, "nstat", "-asz", "UdpInDatagrams")
    out = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return int(next(line.split()[1] for line in out.splitlines() if line.startswith("UdpInDatagrams")))


def start_run(start_zcprobe: Start, *words: str) -> "subprocess.Popen[str]":
    return start_zcprobe("run", "--to", TARGET, *TOKEN, *words, before=("ip", "netns", "exec", SENDER))


def wait_for_traffic(process: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """Waits until the sender has handed over its first records."""
    deadline = time.monotonic() + 20
    while not any(spool.stat().st_size for spool in (tmp_path / "results").glob(".*.partial/.sends.0.spool")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def run_to_end(zcprobe: Command, *words: str) -> dict[str, Any]:
    result = zcprobe("run", "--to", TARGET, *TOKEN, "-J", *words, before=("ip", "netns", "exec", SENDER))
    assert (result.returncode, result.stderr) == (0, "")
    content: dict[str, Any] = msgspec.json.decode(result.stdout)
    return content


def loaded(tmp_path: Path) -> Run:
    (folder,) = (tmp_path / "results").iterdir()
    run = package.load(folder)
    assert isinstance(run, Run)
    return run


# ---- losses ----


@pytest.mark.parametrize("channels", [1, 2])
def test_goodput_is_that_of_the_datagrams_that_arrived(
    channels: int, sink: "subprocess.Popen[str]", zcprobe: Command
) -> None:
    """Half are lost on the path. On a busy machine a full socket may lose more, which the kernel of the sink counts."""
    lose_every_other_datagram()
    sender = run_to_end(zcprobe, "-u", "-n", "2018", "-P", str(channels), "--probes", "none")["sender"]
    arrived = received_datagrams()
    assert 0 < arrived <= 1009 * channels
    assert sender["datagrams_sent"] == sender["sends"] == 2018 * channels
    assert sender["datagrams_received"] == arrived
    assert sender["datagrams_missing"] == 2018 * channels - arrived
    assert (sender["sink_bytes"], sender["bytes_missing"]) == (arrived * 1400, (2018 * channels - arrived) * 1400)
    assert sender["bytes_sent"] == 2018 * channels * 1400
    assert sender["sink_intact"] is True
    assert sender["goodput_bps"] <= arrived * 1400 * 8e9 / sender["duration_ns"] * (1 + 1e-9)
    assert sender["retransmit_count"] is None


def test_losses_are_told_wherever_goodput_is(sink: "subprocess.Popen[str]", zcprobe: Command, tmp_path: Path) -> None:
    lose_every_other_datagram()
    before = ("ip", "netns", "exec", SENDER)
    said = zcprobe("run", "--to", TARGET, *TOKEN, "-u", "-n", "2018", "--probes", "none", before=before).stdout
    missing = 2018 - received_datagrams()
    assert f"2,018 sent, {2018 - missing:,} received, {missing:,} missing" in said
    assert f"intact, {missing:,} of 2,018 datagrams missing" in said
    (folder,) = (tmp_path / "results").iterdir()
    assert f"{missing:,} missing" in zcprobe("export", str(folder)).stdout
    header, row = zcprobe("export", str(folder), "--format", "csv").stdout.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))['"datagrams_missing"'] == str(missing)
    page = zcprobe("report", str(folder), "-o", "-").stdout
    assert f"{missing:,} missing" in page


def test_lost_segments_are_sent_again_and_counted_as_the_kernel_counts(
    path: None, sink: "subprocess.Popen[str]", start_zcprobe: Start, tmp_path: Path
) -> None:
    process = start_run(start_zcprobe, "-t", "3", "--probes", "none", "-J")
    wait_for_traffic(process, tmp_path)
    for state in ("down", "up"):
        run_words("ip", "-n", SINK, "link", "set", "zcl1", state)
        time.sleep(0.5)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    sender = msgspec.json.decode(out)["sender"]
    words = ("ip", "netns", "exec", SENDER, "nstat", "-asz", "TcpRetransSegs")
    counted = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1].split()[1]
    assert sender["retransmit_count"] == int(counted) > 0
    assert sender["bytes_acked"] == sender["bytes_sent"] == sender["sink_bytes"]
    seen = loaded(tmp_path).tcp_info["retransmit_count"]
    assert seen.is_monotonic_increasing
    assert (seen.iloc[0], seen.iloc[-1]) == (0, sender["retransmit_count"])


# ---- a peer that is dead or silent ----


def take_link_down(sink: "subprocess.Popen[str]") -> None:
    run_words("ip", "-n", SENDER, "link", "set", "zcl0", "down")


def silence_host(sink: "subprocess.Popen[str]") -> None:
    run_words("ip", "-n", SINK, "link", "set", "zcl1", "down")


def stop_sink(sink: "subprocess.Popen[str]") -> None:
    sink.send_signal(signal.SIGSTOP)


def kill_sink(sink: "subprocess.Popen[str]") -> None:
    sink.kill()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("silence", [take_link_down, silence_host, stop_sink, kill_sink])
def test_without_the_sink_s_word_there_is_no_goodput_and_the_deadlines_hold(
    protocol: str,
    silence: Callable[["subprocess.Popen[str]"], None],
    sink: "subprocess.Popen[str]",
    start_zcprobe: Start,
    tmp_path: Path,
) -> None:
    process = start_run(start_zcprobe, *SHORT, "-P", "3", *(["-u"] if protocol == "udp" else []))
    wait_for_traffic(process, tmp_path)
    began = time.monotonic()
    silence(sink)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < TIME_S + DEADLINE_S + SETTLE_S + BEYOND_S
    assert "Traceback" not in err
    assert process.returncode == 1
    assert "goodput        not known: the sink did not report" in out
    assert "no report" in out
    assert "warning: the sink did not report" in out
    sender = loaded(tmp_path).sender
    assert sender.goodput_bps is sender.sink_bytes is sender.bytes_missing is None
    assert sender.datagrams_missing is None
    if protocol == "tcp":
        assert sender.outcome in ("dead_timeout", "dead_error")
        assert 0 < sender.bytes_acked < sender.bytes_sent


# ---- peers that are not a sink, or a strange one ----


@contextmanager
def peer(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a TCP server on loopback, which has a thread for each connection and keeps it open to the end."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    kept.append(server.accept()[0])
                    threading.Thread(target=handle, args=(kept[-1],), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in kept:
                connection.close()
            thread.join()


def say_nothing(connection: socket.socket) -> None:
    pass


def let_in(connection: socket.socket) -> None:
    connection.sendall(GREETING)
    connection.recv(4096)  # the plan
    connection.sendall(encode_line(Answer()))


def greet_and_read_nothing(connection: socket.socket) -> None:
    with suppress(OSError):
        let_in(connection)


def read_all_and_say_nothing(connection: socket.socket) -> None:
    with suppress(OSError):
        let_in(connection)
        while connection.recv(1 << 20):
            pass


def read_all_and_talk_for_ever(connection: socket.socket) -> None:
    read_all_and_say_nothing(connection)
    with suppress(OSError):
        while True:
            connection.sendall(b"x")
            time.sleep(0.2)


@pytest.mark.parametrize(
    ("handle", "channels"),
    [(greet_and_read_nothing, 8), (read_all_and_say_nothing, 8), (read_all_and_talk_for_ever, 1)],
)
def test_a_peer_that_never_reports_is_not_waited_for_beyond_the_deadlines(
    handle: Callable[[socket.socket], None], channels: int, zcprobe: Command, tmp_path: Path
) -> None:
    began = time.monotonic()
    with peer(handle) as port:
        result = zcprobe("run", "--to", f"127.0.0.1:{port}", *SHORT, "-P", str(channels))
    assert time.monotonic() - began < START_S + TIME_S + DEADLINE_S + SETTLE_S + BEYOND_S
    assert (result.returncode, result.stderr) == (1, "")
    assert loaded(tmp_path).sender.goodput_bps is None


def test_a_peer_that_does_not_greet_is_named(zcprobe: Command) -> None:
    began = time.monotonic()
    with peer(say_nothing) as port:
        result = zcprobe("run", "--to", f"127.0.0.1:{port}", *SHORT)
    assert time.monotonic() - began < START_S + BEYOND_S + 1
    assert result.returncode == 1
    what, to_do = result.stderr.splitlines()
    assert "does not greet as a sink does: timed out" in what
    assert "it is not stopped" in to_do


def test_responses_that_nobody_read_do_not_hide_the_report(zcprobe: Command) -> None:
    """The sender of rpc traffic waits for a response until its deadline. The response comes late, followed by the
    report."""

    def answer_late(connection: socket.socket) -> None:
        with suppress(OSError):
            let_in(connection)
            received = 0
            while piece := connection.recv(1 << 20):
                received += len(piece)
            report = SinkReport(bytes=received, frames=1, end_ns=1)
            connection.sendall(b"\0" * 16 + msgspec.json.encode(report) + b"\n")
            connection.close()

    with peer(answer_late) as port:
        result = zcprobe("run", "--to", f"127.0.0.1:{port}", *SHORT, "--traffic", "rpc", "-J")
    sender = msgspec.json.decode(result.stdout)["sender"]
    assert sender["outcome"] == "dead_timeout"
    assert sender["sink_bytes"] == sender["bytes_sent"] > 0


def test_who_wants_the_end_need_not_wait_for_the_sink(start_zcprobe: Start, tmp_path: Path) -> None:
    """The sends end at once, and the run would wait for its deadlines."""
    with peer(read_all_and_say_nothing) as port:
        process = start_zcprobe("run", "--to", f"127.0.0.1:{port}", "-n", "23", "--probes", "none", "--deadline", "60")
        wait_for_traffic(process, tmp_path)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert time.monotonic() - asked < BEYOND_S
    assert process.returncode == -signal.SIGINT
    assert "goodput        not known" in out
    assert loaded(tmp_path).sender.sends == 23
