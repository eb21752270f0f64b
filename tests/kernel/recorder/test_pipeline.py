# SPDX-License-Identifier: GPL-2.0-only
"""The pipeline records what it did not start: a process that sends for itself, and is only watched."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from zcprobe.config import ProbeLevel
from zcprobe.format.findings import Finding
from zcprobe.format.metadata import Kind, Recording
from zcprobe.host.zerocopy import try_zerocopy_send
from zcprobe.interrupt import Interruption
from zcprobe.probes.measurement import Target
from zcprobe.probes.session import ProbeSession
from zcprobe.recorder.pipeline import Measured, WatchedSocket, record
from zcprobe.recorder.reconcile import check_complete, equal
from zcprobe.recorder.record_limit import RecordLimit
from zcprobe.recorder.totals import EventTotals
from zcprobe.seal import is_sealed

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

COUNT = 1009

SENDER = """
import select, socket, sys, threading

def receive(end):
    while end.recv(1 << 18):
        pass

server = socket.create_server(("127.0.0.1", 0))
sender = socket.create_connection(server.getsockname())
receiver, _ = server.accept()
reader = threading.Thread(target=receive, args=(receiver,))
reader.start()
sender.setsockopt(socket.SOL_SOCKET, 60, 1)  # SO_ZEROCOPY
print(int.from_bytes(sender.getsockopt(socket.SOL_SOCKET, 57, 8), sys.byteorder), flush=True)  # SO_COOKIE
sys.stdin.readline()
completed = 0
for _ in range(int(sys.argv[1])):
    sender.send(bytes(4096), 0x4000000)  # MSG_ZEROCOPY
while completed < int(sys.argv[1]):
    poll = select.poll()
    poll.register(sender, 0)
    poll.poll(5000)
    _, ((_, _, error),), _, _ = sender.recvmsg(0, 256, 0x2000)  # MSG_ERRQUEUE
    lo, hi = (int.from_bytes(error[place : place + 4], sys.byteorder) for place in (8, 12))
    completed += hi - lo + 1
sender.close()
reader.join()
"""
"""Not a line of it is ours: it knows nothing of being watched, and counts for nobody."""


@pytest.fixture(scope="module")
def probes() -> Iterator[ProbeSession]:
    with ProbeSession() as session:
        yield session


class Watched:
    """A process that sends and that somebody else has started: what is known of it is what the kernel says."""

    kind: Kind = "attachment"

    def __init__(self, process: "subprocess.Popen[str]", level: ProbeLevel) -> None:
        assert process.stdout is not None
        self._process = process
        self._level = level
        self._cookie = int(process.stdout.readline())

    def target(self) -> Target:
        return Target(os.stat(f"/proc/{self._process.pid}/ns/net").st_ino, tgid=self._process.pid, level=self._level)

    def run(self, interruption: Interruption) -> None:
        with interruption.raised():
            self._process.communicate("\n", timeout=30)

    def look_back(self) -> None:
        """Nothing is left to read: only the kernel counts."""

    def sockets(self) -> list[WatchedSocket]:
        charge_bytes = try_zerocopy_send().charge_bytes
        return [
            WatchedSocket(
                cookie=self._cookie,
                optmem_max_bytes=int(Path("/proc/sys/net/core/optmem_max").read_text()),
                optmem_baseline_bytes=0,
                charge_bytes=charge_bytes,
                sends_in_flight=0,
            )
        ]

    def counts(self) -> None:
        return None

    def findings(self, totals: list[EventTotals]) -> list[Finding]:
        return [equal("sends = completions read", total.sends or 0, total.read_completions) for total in totals]

    def describe(self, measured: Measured) -> Recording:
        return measured.recording


@contextmanager
def foreign_sender() -> Iterator["subprocess.Popen[str]"]:
    words = [sys.executable, "-c", SENDER, str(COUNT)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        yield process
        assert process.returncode == 0


@pytest.mark.parametrize("level", ["summary", "timeline"])
def test_a_process_that_is_only_watched_has_a_complete_run_folder(
    level: ProbeLevel, probes: ProbeSession, tmp_path: Path
) -> None:
    limit = RecordLimit(1 << 30, 1 << 30 if level == "timeline" else 0)
    with foreign_sender() as process:
        metadata = record(
            Watched(process, level),
            probes,
            tmp_path,
            Interruption(),
            run_id="watched",
            started_utc="2026-01-02T03:04:05+00:00",
            limit=limit,
        )
    check_complete(metadata, tmp_path)
    written = (tmp_path / "run.json").read_bytes()
    assert is_sealed(written) == "whole"
    run = msgspec.json.decode(written)
    assert (run["kind"], run["complete"], run["warnings"]) == ("attachment", True, [])
    assert {"config", "channels"} & set(run) == set()
    assert run["sender"] is None
    kernel = run["kernel"]
    assert kernel["true_copied_completions"] == COUNT  # over loopback
    assert (kernel["enobufs_causes"], kernel["lost_events"]) == ({}, 0)
    assert 0 < kernel["optmem_peak_bytes"] <= kernel["optmem_max_bytes"] + kernel["charge_bytes"]
    (counted,) = run["sockets"]
    assert counted["sends"] == counted["completions_read"] == COUNT
    assert counted["cookie"] == run["cookies"][0]
    assert run["send_results"]["0"] == COUNT
    assert {"lost events", "sends = completions read"} < {finding["what"] for finding in run["reconciliation"]}
    assert set(run["rows"]) == {"kernel_events"}
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", *run["files"]}
    read = pq.read_table(tmp_path / "kernel_events.parquet", columns=["kind"]).column("kind").to_pylist().count("read")
    assert read == (counted["read"] if level == "timeline" else 0)
    assert counted["read"] > 0
