# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe run -i`: what is told while the run lasts, and that it adds up to the run."""

import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

RUN = ("run", "--probes", "none", "--no-record")
TOTALS = ("bytes_sent", "sends", "plain_sends", "enobufs_count", "notifications", "completions")


def read_run(zcprobe: Command, *words: str, code: int = 0) -> dict[str, Any]:
    result = zcprobe(*RUN, *words, "-J")
    assert result.returncode == code, result.stderr
    content: dict[str, Any] = msgspec.json.decode(result.stdout)
    return content


def assert_adds_up(parts: list[dict[str, Any]], whole: dict[str, Any]) -> None:
    assert {name: sum(part[name] for part in parts) for name in TOTALS} == {name: whole[name] for name in TOTALS}
    assert sum(part["stall_ns"] for part in parts) == whole["stall_ns_total"]
    assert parts[-1]["in_flight"] == whole["sends"] - whole["completions"]


@pytest.mark.parametrize(
    "words",
    [
        ("-P", "3", "-t", "1", "--policy", "wait-progress"),
        ("-n", "5003", "--policy", "grpc"),
        ("--scenario", "in-order", "-u", "-n", "50021"),
        ("--scenario", "in-order", "-t", "0.5", "--no-zerocopy", "-i", "1"),
        ("--traffic", "migration", "-P", "2", "--guest", "64M", "--scenario", "in-order"),
    ],
    ids=" ".join,
)
def test_intervals_add_up_to_the_run(zcprobe: Command, words: tuple[str, ...]) -> None:
    run = read_run(zcprobe, "-i", "0.1", *words)
    intervals = run["intervals"]
    assert_adds_up([one["sum"] for one in intervals], run["sender"])
    for number, channel in enumerate(run["channels"]):
        assert_adds_up([one["channels"][number] for one in intervals], channel)
    starts = [one["start_ns"] for one in intervals]
    assert starts == [0, *(one["end_ns"] for one in intervals[:-1])]
    assert intervals[-1]["end_ns"] == run["sender"]["duration_ns"]
    if words[-1] == "1":
        assert len(intervals) == 1


def test_a_run_that_fails_adds_up_too(zcprobe: Command) -> None:
    run = read_run(zcprobe, "-i", "0.1", "--policy", "qemu-pre", code=1)
    assert run["sender"]["outcome"] == "dead_enobufs"
    assert_adds_up([one["sum"] for one in run["intervals"]], run["sender"])


def test_a_stall_that_lasts_shows_in_each_of_its_intervals(zcprobe: Command) -> None:
    """The reader stops for two seconds, and what it does not read keeps completions from coming."""
    run = read_run(zcprobe, "-i", "0.2", "--scenario", "stalled-reader", "--policy", "wait-progress")
    assert run["sender"]["stall_ns_max"] > 1e9
    stalled = [one for one in run["intervals"] if one["sum"]["stall_ns"] > 0.9 * (one["end_ns"] - one["start_ns"])]
    assert len(stalled) >= 4
    for one in run["intervals"]:
        assert one["sum"]["stall_ns"] <= 1.05 * (one["end_ns"] - one["start_ns"]) + 1e6


def test_without_it_the_json_has_no_intervals(zcprobe: Command) -> None:
    assert "intervals" not in read_run(zcprobe, "--scenario", "in-order", "-n", "23")


def test_rows_come_while_the_run_lasts(start_zcprobe: Start) -> None:
    process = start_zcprobe(*RUN, "--scenario", "in-order", "-P", "2", "-t", "3", "-i", "0.5")
    assert process.stdout is not None
    header, first = process.stdout.readline(), process.stdout.readline()
    came_s = time.monotonic()
    rest = process.stdout.read()
    assert time.monotonic() - came_s > 1
    assert process.wait() == 0
    assert header.split()[:4] == ["[", "ID]", "Seconds", "Sent"]
    assert first.startswith("[  0] 0.00-")
    rows = [header, first, *rest.partition("\n\n")[0].splitlines()]
    assert max(map(len, rows)) <= 80  # the header's newline is one of them
    assert [row.startswith("[SUM]") for row in rows[1:4]] == [False, False, True]
    assert len(rows) in (1 + 3 * count for count in (4, 5, 6, 7))  # fewer and longer ones on a busy machine


def test_a_run_whose_rows_nobody_reads_is_kept(start_zcprobe: Start) -> None:
    process = start_zcprobe(*RUN, "--scenario", "in-order", "-t", "1.5", "-i", "0.2", "-o", "kept")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    assert (process.wait(), said) == (0, "")
