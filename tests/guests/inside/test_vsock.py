# SPDX-License-Identifier: GPL-2.0-only
"""Sender and sink over vsock, which works inside one kernel with the module vsock_loopback."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import zcprobe
from tests.guests.inside.conftest import answer

LOCAL = "vsock:1"
NO_PROBES = ("--probes", "none")
"""They follow inet sockets."""


@pytest.fixture
def sink() -> Iterator["subprocess.Popen[str]"]:
    subprocess.run(["modprobe", "vsock_loopback"], check=True)
    command = [sys.executable, "-I", "-m", "zcprobe", "sink", "--bind", LOCAL, "--one-off"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        assert LOCAL in process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_every_send_over_vsock_completes(sink: "subprocess.Popen[str]", tmp_path: Path) -> None:
    code, out, err = answer("run", "--vsock", "--to", LOCAL, "-n", "1009", "-o", str(tmp_path), "-J", *NO_PROBES)
    if code == 3:
        # zerocopy came to vsock with Linux 6.7
        assert "SO_ZEROCOPY" in err
        assert "vsock since 6.7" in err
        return
    assert code == 0, err
    (folder,) = tmp_path.iterdir()
    run = zcprobe.load(folder)
    assert run.meta.complete
    assert run.sender.outcome == "completed"
    assert run.sender.sends == run.sender.completions == 1009
    assert run.sender.sink_intact
    assert set(run.notifications["origin"]) == {5}
    assert str(run.folder) in out.decode()


def test_sends_that_take_several_ids_are_found_out(sink: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """One id for each part that the receiver has room for, so sends and completions cannot be matched."""
    words = ("run", "--vsock", "--to", LOCAL, "-l", "4M", "-n", "23", "-o", str(tmp_path), "-J", *NO_PROBES)
    code, _, err = answer(*words)
    if code == 3:
        assert "vsock since 6.7" in err
        return
    (folder,) = tmp_path.iterdir()
    run = zcprobe.load(folder, allow_incomplete=True)
    assert run.sender.outcome == "dead_error"
    assert "more completions than sends" in run.sender.error


def test_the_sender_keeps_the_pace_itself(sink: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """The sender paces vsock itself, because no qdisc sees it: the eleventh of these sends is due a second after the
    first."""
    words = ("run", "--vsock", "--to", LOCAL, "-l", "100000", "-n", "11", "-b", "8M", "-o", str(tmp_path), "-J")
    code, _, err = answer(*words, *NO_PROBES, "--no-zerocopy")
    assert code == 0, err
    (folder,) = tmp_path.iterdir()
    run = zcprobe.load(folder)
    assert run.sender.bytes_sent == run.sender.sink_bytes == 1_100_000
    assert 0.99e9 < run.sender.duration_ns < 5e9
