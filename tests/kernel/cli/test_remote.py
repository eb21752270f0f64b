# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe run --to` a sink that the run did not start, in another network namespace or missing."""

import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyroute2.ethtool import Ethtool

import zcprobe as package
from tests.outside import write_token
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.wire import GREETING, Answer, encode_line

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

SENDER, SINK = f"zct-tx-{os.getpid()}", f"zct-rx-{os.getpid()}"
ADDRESSES = {"ipv4": "10.99.0.2", "ipv6": "fd99::2"}
PORT = "5399"
TOKEN = ("--token-file", "token")
IN_SENDER = ("ip", "netns", "exec", SENDER)
"""Runs with its own sysfs, which `ip netns exec` mounts too; BPF does not need it."""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def namespaces(nothing_left: None, tmp_path: Path) -> Iterator[None]:
    """Two new namespaces with a veth pair between them, and a token for sink and sender."""
    write_token(tmp_path)
    made = []
    try:
        for name in (SENDER, SINK):
            ip("netns", "add", name)
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", SENDER, "link", "add", "zct0", "type", "veth", "peer", "name", "zct1", "netns", SINK)
        for name, device, last in ((SENDER, "zct0", 1), (SINK, "zct1", 2)):
            ip("-n", name, "addr", "add", f"10.99.0.{last}/24", "dev", device)
            ip("-n", name, "addr", "add", f"fd99::{last}/64", "dev", device, "nodad")
            ip("-n", name, "link", "set", device, "up")
        yield
    finally:
        for name in made:
            ip("netns", "del", name)


@contextmanager
def sink_in(start_zcprobe: Start, *words: str) -> "Iterator[subprocess.Popen[str]]":
    where = () if "-B" in words else ("-B", "0.0.0.0")
    process = start_zcprobe("sink", "-p", PORT, *where, *TOKEN, *words, before=("ip", "netns", "exec", SINK))
    assert process.stderr is not None
    assert process.stderr.readline().startswith("listening on")
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def test_the_line_that_a_sink_prints_is_what_its_sender_needs(
    namespaces: None, zcprobe: Command, start_zcprobe: Start, tmp_path: Path
) -> None:
    sink = start_zcprobe("sink", "-B", "10.99.0.2", "-p", PORT, before=("ip", "netns", "exec", SINK))
    assert sink.stderr is not None
    assert sink.stderr.readline() == f"listening on 10.99.0.2 port {PORT}\n"
    _, _, line = sink.stderr.readline().partition("send to it: ")
    words = shlex.split(line)
    assert words[:4] == ["zcprobe", "run", "--to", f"10.99.0.2:{PORT}"]
    results = results_of(zcprobe(*words[1:], "-n", "23", "-J", "--probes", "none", before=IN_SENDER))
    assert results["sink_intact"] is True
    token = words[-1].encode()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and token in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("words", "needle"),
    [((), "asks for a token"), (("--token", "0123456789abcdef" * 4), "refused this sender: 'the sender has no token,")],
)
def test_without_its_token_a_sink_is_not_used(
    words: tuple[str, ...], needle: str, namespaces: None, zcprobe: Command, start_zcprobe: Start, tmp_path: Path
) -> None:
    with sink_in(start_zcprobe) as sink:
        result = zcprobe("run", "--to", f"10.99.0.2:{PORT}", *words, "-n", "23", "--probes", "none", before=IN_SENDER)
        assert_refused(result, 1, f"the sink at 10.99.0.2 port {PORT} ", needle)
        assert list((tmp_path / "results").iterdir()) == []
        assert sink.stderr is not None
        assert sink.stderr.readline().startswith("  send to it: ")
        assert sink.stderr.readline().startswith("zcprobe: refused 10.99.0.1: ")
        assert results_of(run_to(zcprobe, f"10.99.0.2:{PORT}", "-n", "23", "--probes", "none"))["sends"] == 23


def test_the_token_in_a_file_is_in_no_command_line(namespaces: None, start_zcprobe: Start, tmp_path: Path) -> None:
    token = (tmp_path / "token").read_text().strip().encode()
    with sink_in(start_zcprobe):
        run = start_zcprobe(
            *("run", "--to", f"10.99.0.2:{PORT}", *TOKEN, "-t", "1", "--probes", "none"), before=IN_SENDER
        )
        seen = 0
        while run.poll() is None:
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    words = path.read_bytes()
                    seen += b"zcprobe.sender.process" in words
                    assert token not in words
    assert (run.returncode, seen > 0) == (0, True)


def test_a_token_that_nobody_asks_for_is_refused(zcprobe: Command) -> None:
    with listener(lambda connection: connection.sendall(GREETING)) as port:
        result = zcprobe("run", "--to", f"127.0.0.1:{port}", "--token", "x" * 16, "-n", "23", "--probes", "none")
    assert_refused(result, 1, "accepts every sender and does not use a token")


def turn_off_scatter_gather(device: str) -> None:
    with Ethtool() as ethtool:
        features = ethtool.get_features(device)
        features.features["tx-scatter-gather"].enable = False
        ethtool.set_features(device, features)


def run_to(zcprobe: Command, target: str, *words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    return zcprobe("run", "--to", target, *TOKEN, "-J", *words, before=IN_SENDER, **options)


def results_of(result: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert (result.returncode, result.stderr) == (0, "")
    content: dict[str, Any] = msgspec.json.decode(result.stdout)
    assert content["complete"]
    assert content["config"]["scenario"] == content["lab"]["scenario"] == "remote"
    return {**content["kernel"], **content["sender"]}


@pytest.mark.parametrize(("family", "channels"), [("ipv4", 1), ("ipv4", 2), ("ipv6", 2)])
def test_streams_arrive_in_another_namespace(
    family: str, channels: int, namespaces: None, zcprobe: Command, start_zcprobe: Start, tmp_path: Path
) -> None:
    address = ADDRESSES[family]
    target = f"[{address}]:{PORT}" if family == "ipv6" else f"{address}:{PORT}"
    with sink_in(start_zcprobe, "-B", address) as sink:
        result = run_to(zcprobe, target, "-n", "1009", "-P", str(channels))
        results = results_of(result)
        assert sink.stdout is not None
        said = [sink.stdout.readline() for _ in range(channels)]
    assert results["sends"] == results["completions"] == results["true_copied_completions"] == 1009 * channels
    assert results["sink_bytes"] == results["bytes_sent"] == 1009 * channels * 65536
    assert results["sink_intact"] is True
    assert all(line == f"received {1009 * 65536} bytes (63.1 MiB), intact\n" for line in said)
    (folder,) = (tmp_path / "results").iterdir()
    run = package.load(folder)
    assert set(run.kernel_events["cookie"]) == set(run.meta.cookies)
    assert len(set(run.meta.cookies)) == channels


def test_sockets_of_others_in_the_same_namespace_do_not_count(
    namespaces: None, zcprobe: Command, start_zcprobe: Start
) -> None:
    """Two senders run in one namespace at once: each sees only its own sockets."""
    with sink_in(start_zcprobe):
        other = start_zcprobe(
            "run", "--to", f"10.99.0.2:{PORT}", *TOKEN, "-t", "6", "--probes", "none", "-o", "other", before=IN_SENDER
        )
        results = results_of(run_to(zcprobe, f"10.99.0.2:{PORT}", "-n", "1009"))
        assert other.poll() is None
        out, err = other.communicate(timeout=20)
    assert (other.returncode, err) == (0, ""), out
    assert results["true_copied_completions"] == 1009


@pytest.mark.parametrize("enabled", [True, False])
def test_scatter_gather_is_that_of_the_device_that_the_route_leads_to(
    enabled: bool, namespaces: None, zcprobe: Command, start_zcprobe: Start
) -> None:
    if not enabled:
        run_in_namespace(SENDER, lambda: turn_off_scatter_gather("zct0"))
    with sink_in(start_zcprobe):
        result = run_to(zcprobe, f"10.99.0.2:{PORT}", "-n", "23", "--probes", "none")
    lab = msgspec.json.decode(result.stdout)["lab"]
    assert (lab["sender_device"], lab["scatter_gather"], lab["mtu_bytes"]) == ("zct0", enabled, 1500)


def test_rpc_and_datagrams_cross_too(namespaces: None, zcprobe: Command, start_zcprobe: Start) -> None:
    with sink_in(start_zcprobe):
        rpc = results_of(run_to(zcprobe, f"10.99.0.2:{PORT}", "-n", "211", "--traffic", "rpc"))
        udp = results_of(run_to(zcprobe, f"10.99.0.2:{PORT}", "-n", "211", "-u"))
    assert (rpc["responses"], rpc["sink_intact"]) == (211, True)
    assert (udp["sends"], udp["bytes_sent"], udp["sink_intact"]) == (211, 211 * 1400, True)


def test_a_sink_that_discards_knows_nothing_of_the_content(
    namespaces: None, zcprobe: Command, start_zcprobe: Start
) -> None:
    with sink_in(start_zcprobe, "--discard") as sink:
        results = results_of(run_to(zcprobe, f"10.99.0.2:{PORT}", "-n", "211"))
        assert sink.stdout is not None
        assert sink.stdout.readline().endswith("not looked at\n")
    assert results["sink_intact"] is None
    assert results["sink_bytes"] == 211 * 65536
    # nobody reads the bytes into user space, but veth still makes the kernel copy them
    assert results["true_copied_completions"] == 211


# ---- refusals, over loopback ----


def assert_refused(result: "subprocess.CompletedProcess[str]", code: int, *words: str) -> None:
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    what, to_do = result.stderr.splitlines()
    assert what.startswith("zcprobe: ")
    assert to_do.startswith("  ")
    for word in words:
        assert word in result.stderr


@contextmanager
def listener(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a TCP server for one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError), server.accept()[0] as connection:
                handle(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        # wakes accept() if nobody connected
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_nobody_listening_is_said(zcprobe: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = zcprobe("run", "--to", f"127.0.0.1:{port}", "-n", "23", "--probes", "none")
    assert_refused(result, 1, f"no sink at 127.0.0.1 port {port}", "Connection refused", "zcprobe sink")


@pytest.mark.parametrize("greeting", [b"zcprobe-sink 1\n", b"zcprobe-sink 99\n", b"SSH-2.0-Open\r\n", b"", b"hi"])
def test_another_greeting_is_refused(greeting: bytes, zcprobe: Command) -> None:
    with listener(lambda connection: connection.sendall(greeting)) as port:
        result = zcprobe("run", "--to", f"127.0.0.1:{port}", "-n", "23", "--probes", "none")
    assert_refused(result, 1, f"127.0.0.1 port {port} is not a sink of this version", "same version")
    assert greeting.strip()[:10].decode() in result.stderr


def hang_up_midway(connection: socket.socket) -> None:
    connection.sendall(GREETING)
    connection.recv(4096)
    connection.sendall(encode_line(Answer()))
    taken = 0
    while taken < 4 << 20:
        taken += len(connection.recv(1 << 20))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_a_sink_that_hangs_up_midway_ends_the_run_and_keeps_it(zcprobe: Command, tmp_path: Path) -> None:
    with listener(hang_up_midway) as port:
        result = zcprobe("run", "--to", f"127.0.0.1:{port}", "-n", "20000", "-J")
    assert (result.returncode, result.stderr) == (1, "")
    sender = msgspec.json.decode(result.stdout)["sender"]
    assert sender["outcome"] == "dead_error"
    assert "Connection reset" in sender["error"] or "Broken pipe" in sender["error"]
    assert (sender["sink_bytes"], sender["sink_intact"]) == (None, None)
    assert len(list((tmp_path / "results").iterdir())) == 1


def hang_up_after_the_plan(connection: socket.socket) -> None:
    connection.sendall(GREETING)
    connection.recv(100)


def test_a_sink_without_a_datagram_port_is_an_error_in_a_line(zcprobe: Command) -> None:
    with listener(hang_up_after_the_plan) as port:
        result = zcprobe("run", "--to", f"127.0.0.1:{port}", "-n", "23", "-u", "--probes", "none")
    assert_refused(result, 1)


def has_vsock() -> bool:
    try:
        socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True


def test_vsock_without_a_sink_says_what_is_missing(zcprobe: Command) -> None:
    """CID 1 is this host itself; on a kernel with vsock but without vsock_loopback the connection times out."""
    code, words = (1, ("no sink at vsock:1 port 77",)) if has_vsock() else (3, ("no vsock", "vsock_loopback"))
    assert_refused(zcprobe("run", "--vsock", "--to", "vsock:1:77", "-n", "23", "--probes", "none"), code, *words)


@pytest.mark.parametrize("target", ["", ":77", "host:0", "host:99999", "a b"])
def test_a_target_that_is_none_is_usage(target: str, zcprobe: Command) -> None:
    assert_refused(zcprobe("run", "--to", target, "-n", "23", "--probes", "none"), 2)


def test_vsock_needs_a_target(zcprobe: Command) -> None:
    assert_refused(zcprobe("run", "--vsock", "-n", "23", "--probes", "none"), 2, "--to")


def test_a_name_that_nobody_knows_is_said(zcprobe: Command) -> None:
    result = zcprobe("run", "--to", "no.such.host.invalid", "-n", "23", "--probes", "none")
    assert_refused(result, 1, "no.such.host.invalid")
    assert "Unknown error" not in result.stderr
