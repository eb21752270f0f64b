# SPDX-License-Identifier: GPL-2.0-only
"""Finished runs have their names before anything else begins, and nothing that happens later removes them."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zcprobe.dataset.load import load_comparison

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

COMPARE = ("compare", "--scenario", "in-order", "--policies", "qemu-pre,qemu-merged", "--repeats", "1", "-n", "23")
MANY = ("compare", "--scenario", "in-order", "--repeats", "9", "-t", "0.3", "--probes", "none", "--overhead", "0")


def wait_for(process: "subprocess.Popen[str]", what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def runs_below(folder: Path) -> list[Path]:
    return sorted(folder.glob("2*/2*/run.json"))


def told_within(process: "subprocess.Popen[str]", seconds: float) -> str:
    """The text that arrives on stderr within that time."""
    assert process.stderr is not None
    readable, _, _ = select.select([process.stderr], [], [], seconds)
    return os.read(process.stderr.fileno(), 4096).decode() if readable else ""


def assert_whole(folder: Path, count: int) -> None:
    comparison = load_comparison(folder)
    assert len(comparison.runs) == count
    assert all(run.meta.complete for run in comparison.runs)
    assert list(folder.glob(".*")) == []


def test_an_interrupt_while_the_cost_is_measured_keeps_every_run(start_zcprobe: Start, tmp_path: Path) -> None:
    process = start_zcprobe(*COMPARE, "--overhead", "99")
    wait_for(process, lambda: len(runs_below(tmp_path / "results")) == 2)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert "zcprobe: ending: what the probes cost is not measured to its end; the runs are kept\n" in err
    (folder,) = (tmp_path / "results").iterdir()
    assert_whole(folder, 2)
    assert folder.name in out
    assert load_comparison(folder).meta.overhead is None
    assert list(load_comparison(folder).meta.policies) == ["qemu-pre", "qemu-merged"]


def test_an_interrupt_in_the_reports_stage_is_answered_at_once_and_leaves_the_report_out(
    start_zcprobe: Start, tmp_path: Path
) -> None:
    process = start_zcprobe(*COMPARE, "--probes", "none", "--overhead", "0")
    wait_for(process, lambda: list((tmp_path / "results").glob("2*/figures")))
    told_within(process, 0)
    process.send_signal(signal.SIGINT)
    assert "ending: the runs and their results are kept" in told_within(process, 0.5)
    began = time.monotonic()
    out, _ = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert process.returncode == -signal.SIGINT
    (folder,) = (tmp_path / "results").iterdir()
    assert_whole(folder, 2)
    assert "qemu-merged" in out
    assert not (folder / "figures").exists()
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_among_the_runs_keeps_those_that_are_made_and_says_what_can_be_done(
    number: int, start_zcprobe: Start, zcprobe: Command, tmp_path: Path
) -> None:
    process = start_zcprobe(*MANY)
    wait_for(process, lambda: len(runs_below(tmp_path / "results")) >= 2)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == -number
    (folder,) = (tmp_path / "results").iterdir()
    runs = len(load_comparison(folder).runs)
    assert 2 <= runs < 27
    assert_whole(folder, runs)
    relative = folder.relative_to(tmp_path)
    assert f"{runs} of 27 runs are kept in {relative}\n  zcprobe report {relative} shows them\n" in err
    assert zcprobe("report", str(relative)).returncode == 0


def test_a_killed_comparison_keeps_the_runs_that_were_made(
    start_zcprobe: Start, zcprobe: Command, tmp_path: Path
) -> None:
    process = start_zcprobe(*MANY)
    wait_for(process, lambda: len(runs_below(tmp_path / "results")) >= 3)
    process.kill()
    process.wait()
    assert zcprobe("doctor", "--clean").returncode == 0
    (folder,) = (tmp_path / "results").iterdir()
    assert len(load_comparison(folder).runs) >= 2
    assert zcprobe("report", str(folder)).returncode == 0
    text = (tmp_path / "report.html").read_text()
    assert "qemu-merged" in text


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for some small runs, but not for figures."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full_at_the_figures_costs_no_run(zcprobe: Command, small_disk: Path) -> None:
    result = zcprobe(*COMPARE, "--probes", "none", "--overhead", "0", "-o", str(small_disk))
    assert result.returncode == 2
    what, hint = [line for line in result.stderr.splitlines() if not line.startswith(("qemu-", "comparing"))]
    assert "No space left on device" in what
    (folder,) = small_disk.iterdir()
    assert f"2 of 2 runs are kept in {folder}: zcprobe report {folder} shows them" in hint
    assert_whole(folder, 2)
    assert {path.name for path in folder.iterdir() if path.is_file()} == {"comparison.json"}


def test_a_reader_of_stderr_that_left_costs_no_run(start_zcprobe: Start, tmp_path: Path) -> None:
    process = start_zcprobe(*COMPARE, "--probes", "none", "--overhead", "0", "--no-report")
    assert process.stderr is not None
    process.stderr.close()
    assert process.stdout is not None
    out = process.stdout.read()
    assert process.wait() == 0
    assert "qemu-merged" in out
    (folder,) = (tmp_path / "results").iterdir()
    assert_whole(folder, 2)
