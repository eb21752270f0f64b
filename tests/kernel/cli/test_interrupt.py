# SPDX-License-Identifier: GPL-2.0-only
"""Runs that end early: signals, killed children, a killed command."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import zcprobe as package
from tests.processes import child_of
from zcprobe.dataset.load import load_comparison

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

ENDING = "zcprobe: ending: what was measured is completed and kept; once more ends it at once\n"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

LONG_RUN = ("run", "--scenario", "in-order", "-t", "20", "-l", "16K")


def wait_for_main(process: "subprocess.Popen[str]") -> None:
    """Waits until it imports what zcprobe needs; before that Python itself is starting and handles Ctrl-C."""
    deadline = time.monotonic() + 20
    while "msgspec" not in Path(f"/proc/{process.pid}/maps").read_text():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wait_for_traffic(process: "subprocess.Popen[str]", folder: Path) -> None:
    """Waits until the sender has handed over its first records."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if any(spool.stat().st_size for spool in folder.rglob(".sends.0.spool")):
            return
        time.sleep(0.05)
    pytest.fail("no traffic within 20 s")


def end(process: "subprocess.Popen[str]", timeout_s: float) -> str:
    """Waits until it has ended and returns its stderr."""
    _, err = process.communicate(timeout=timeout_s)
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupted_run_is_kept_and_complete(number: int, start_zcprobe: Start, tmp_path: Path) -> None:
    process = start_zcprobe(*LONG_RUN)
    wait_for_traffic(process, tmp_path / "results")
    process.send_signal(number)
    assert end(process, 8) == ENDING
    assert process.returncode == -number
    (folder,) = (tmp_path / "results").iterdir()
    run = package.load(folder)
    assert run.meta.complete
    assert run.sender.outcome == "interrupted"
    assert run.sender.sends == run.sender.completions == len(run.sends) > 0
    assert run.sender.sink_bytes == run.sender.bytes_sent
    assert run.sender.sink_intact


@pytest.mark.parametrize(
    ("number", "delay_s"),
    [
        (signal.SIGINT, 0.0),
        (signal.SIGINT, 0.3),
        (signal.SIGINT, 0.6),
        (signal.SIGINT, 0.9),
        (signal.SIGINT, 1.2),
        (signal.SIGTERM, 0.9),
        (signal.SIGHUP, 0.9),
        (signal.SIGQUIT, 0.9),
    ],
)
def test_a_signal_during_the_start_leaves_nothing(
    number: int, delay_s: float, start_zcprobe: Start, tmp_path: Path
) -> None:
    process = start_zcprobe(*LONG_RUN)
    wait_for_main(process)
    time.sleep(delay_s)
    process.send_signal(number)
    assert end(process, 8) in ("", ENDING)
    assert process.returncode == -number
    # on a fast machine there was already a run to interrupt
    for folder in (tmp_path / "results").glob("*"):
        assert package.load(folder).sender.outcome == "interrupted"


# without a gap the kernel or Python may merge two signals into one, and one is a polite request
@pytest.mark.parametrize("gap_s", [0.05, 0.3])
def test_a_second_interrupt_ends_it_at_once(gap_s: float, start_zcprobe: Start, tmp_path: Path) -> None:
    # all packets are held, so a polite end would wait for late completions
    process = start_zcprobe("run", "--scenario", "held-in-flight", "-t", "20", "--settle", "20")
    wait_for_traffic(process, tmp_path / "results")
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(gap_s)
    # when the second signal comes the run may already have its name, and a line says so
    assert end(process, 8).startswith(ENDING)
    assert process.returncode == -signal.SIGINT


def test_the_second_hang_up_of_a_terminal_that_closes_costs_no_run(start_zcprobe: Start, tmp_path: Path) -> None:
    process = start_zcprobe("run", "--scenario", "held-in-flight", "-t", "20", "--settle", "2", "--probes", "none")
    wait_for_traffic(process, tmp_path / "results")
    for _ in range(3):
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
    assert end(process, 15) == ENDING
    assert process.returncode == -signal.SIGHUP
    (folder,) = (tmp_path / "results").iterdir()
    assert package.load(folder).sender.outcome == "interrupted"


def test_what_nohup_ignores_stays_ignored(start_zcprobe: Start, tmp_path: Path) -> None:
    words = ("run", "--scenario", "in-order", "-t", "1", "--probes", "none")
    process = start_zcprobe(*words, before=("sh", "-c", 'trap "" HUP; exec "$@"', "sh"))
    wait_for_folder(process, tmp_path / "results")
    process.send_signal(signal.SIGHUP)
    assert end(process, 15) == ""
    assert process.returncode == 0


def wait_for_folder(process: "subprocess.Popen[str]", folder: Path) -> None:
    """Waits until the sender runs. While it has few records, it does not hand any over."""
    deadline = time.monotonic() + 20
    while not list(folder.glob(".*.partial/.sends.0.spool")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)


def test_a_killed_sink_is_an_error_of_the_run(start_zcprobe: Start, tmp_path: Path) -> None:
    process = start_zcprobe(*LONG_RUN)
    wait_for_traffic(process, tmp_path / "results")
    sink = child_of(process.pid, "zcprobe.sink.process")
    assert sink is not None
    os.kill(sink, signal.SIGKILL)
    out, err = process.communicate(timeout=15)
    assert "Traceback" not in err
    assert process.returncode == 1, err
    assert "dead_error" in out
    assert "no report" in out
    (folder,) = (tmp_path / "results").iterdir()
    run = package.load(folder)
    assert run.sender.outcome == "dead_error"
    assert run.sender.error in ("Connection reset by peer", "Broken pipe")
    assert run.sender.sink_intact is None
    assert run.sender.sends == len(run.sends[run.sends["send_id"] >= 0])


def test_a_stopped_sink_of_our_own_is_not_waited_for_beyond_the_deadlines(start_zcprobe: Start, tmp_path: Path) -> None:
    process = start_zcprobe("run", "--scenario", "in-order", "-t", "3", "--deadline", "1", "--settle", "0.5")
    wait_for_traffic(process, tmp_path / "results")
    began = time.monotonic()
    sink = child_of(process.pid, "zcprobe.sink.process")
    assert sink is not None
    os.kill(sink, signal.SIGSTOP)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 3 + 1 + 0.5 + 5
    assert (process.returncode, err) == (1, "")
    assert "goodput        not known: the sink did not report" in out
    (folder,) = (tmp_path / "results").iterdir()
    sender = package.load(folder).sender
    assert (sender.outcome, sender.goodput_bps, sender.sink_bytes) == ("dead_timeout", None, None)
    assert 0 < sender.bytes_acked < sender.bytes_sent


def test_a_comparison_says_of_which_runs_nobody_knows_what_arrived(start_zcprobe: Start, tmp_path: Path) -> None:
    words = ("--policies", "qemu-merged", "--repeats", "1", "--no-report", "--overhead", "0", "--probes", "none")
    limits = ("-t", "2", "--deadline", "1", "--settle", "0.5")
    process = start_zcprobe("compare", "--scenario", "in-order", "-u", *limits, *words)
    wait_for_traffic(process, tmp_path / "results")
    sink = child_of(process.pid, "zcprobe.sink.process")
    assert sink is not None
    os.kill(sink, signal.SIGSTOP)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "goodput not known: the sink did not report" in out
    assert "- (1 of 1 not known)" in " ".join(out.split())
    assert "the sink did not report what arrived in 1 runs that completed" in err
    (folder,) = (tmp_path / "results").iterdir()
    result = load_comparison(folder).meta.policies["qemu-merged"]
    assert result is not None
    assert (result.medians["goodput_bps"].n, result.medians["datagrams_missing"].n) == (0, 0)
    assert result.medians["datagrams_sent"].n == 1


def test_a_killed_sender_is_an_error_and_leaves_nothing(start_zcprobe: Start, tmp_path: Path) -> None:
    process = start_zcprobe(*LONG_RUN)
    wait_for_traffic(process, tmp_path / "results")
    sender = child_of(process.pid, "zcprobe.sender.process")
    assert sender is not None
    os.kill(sender, signal.SIGKILL)
    what, to_do = end(process, 15).splitlines()
    assert process.returncode == 1
    assert "sender process was ended by signal 9" in what
    assert to_do.startswith("  ")
    assert list((tmp_path / "results").iterdir()) == []


def test_what_a_killed_command_left_is_cleaned(start_zcprobe: Start, zcprobe: Command, tmp_path: Path) -> None:
    process = start_zcprobe(*LONG_RUN)
    wait_for_traffic(process, tmp_path / "results")
    children = [child_of(process.pid, module) for module in ("zcprobe.sender.process", "zcprobe.sink.process")]
    (partial,) = (tmp_path / "results").iterdir()
    run_id = partial.name.removesuffix(".partial").rpartition("-")[2]
    process.kill()
    process.wait()
    assert_gone(children)

    found = zcprobe("doctor", "-J")
    assert found.returncode == 0, found.stderr
    assert f"namespace zcprobe-{run_id}-tx" in found.stdout
    cleaned = zcprobe("doctor", "--clean")
    assert cleaned.returncode == 0, cleaned.stderr
    assert set(cleaned.stdout.splitlines()) >= {
        f"removed network namespace zcprobe-{run_id}-tx",
        f"removed network namespace zcprobe-{run_id}-rx",
        f"removed unfinished run folder {partial}",
        f"removed journal of dead run {run_id}",
    }
    assert not partial.exists()
    assert run_id not in zcprobe("doctor", "--clean").stdout


def assert_gone(children: list[int | None]) -> None:
    """PR_SET_PDEATHSIG has killed them; init, or whoever adopts orphans, may take a moment to collect them."""
    deadline = time.monotonic() + 5
    for child in children:
        assert child is not None
        while Path(f"/proc/{child}").exists() and " Z" not in Path(f"/proc/{child}/status").read_text():
            assert time.monotonic() < deadline, f"process {child} outlived its run"
            time.sleep(0.05)


def test_nothing_to_clean_is_said(zcprobe: Command) -> None:
    assert zcprobe("doctor", "--clean").returncode == 0
    assert zcprobe("doctor", "--clean").stdout == "nothing to clean\n"


def test_a_live_run_is_not_cleaned(start_zcprobe: Start, zcprobe: Command, tmp_path: Path) -> None:
    process = start_zcprobe("run", "--scenario", "in-order", "-t", "2", "-l", "16K")
    wait_for_traffic(process, tmp_path / "results")
    zcprobe("doctor", "--clean")
    assert end(process, 15) == ""
    assert process.returncode == 0
