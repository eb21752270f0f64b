# SPDX-License-Identifier: GPL-2.0-only
"""A run's records never exceed the limit, however long it lasts; the summary covers the whole run."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zcprobe as package
from tests.outside import Processes, watched

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

Start = Callable[..., "subprocess.Popen[str]"]

LIMIT_BYTES = 1 << 20
CHUNKS_BYTES = 2 * 7 * 1024 * 64
"""Two chunks of each stream of a channel, which the limit leaves out."""
WORDS = ("run", "--scenario", "in-order", "-l", "4K", "-t", "2", "--record-limit", "1M", "-J")


def findings_of(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [finding for finding in run["reconciliation"] if "kept or not" in finding["what"]]


@pytest.mark.parametrize("words", [("--probes", "none"), ("-P", "2"), ("--no-record",), ("--probe-level", "summary")])
def test_what_comes_later_is_counted_and_told(words: tuple[str, ...], start_zcprobe: Start, tmp_path: Path) -> None:
    sizes = []

    def look(processes: Processes) -> None:
        spools = (tmp_path / "results").glob(".*.partial/.*.spool")
        sizes.append(sum(path.stat().st_size for path in spools))

    run = watched(start_zcprobe(*WORDS, *words), look_at=look).run
    assert run["complete"]
    channels = run["config"]["channels"]
    assert LIMIT_BYTES // 4 < max(sizes) <= LIMIT_BYTES + channels * CHUNKS_BYTES
    beyond, rows = run["rows_beyond_limit"], run["rows"]
    assert beyond
    assert [warning["id"] for warning in run["warnings"]] == ["records-limited"]
    for table, count in beyond.items():
        assert f"{table} {rows[table]} of {rows[table] + count}" in run["warnings"][0]["text"]
    if run["config"]["record"]:
        assert rows["sends"] + beyond["sends"] == run["sender"]["sends"]
        assert len(findings_of(run)) == 2 * channels


def test_tables_are_whole_up_to_where_they_end(start_zcprobe: Start, tmp_path: Path) -> None:
    process = start_zcprobe(*WORDS, "--probes", "none")
    assert process.wait(60) == 0
    (folder,) = (tmp_path / "results").iterdir()
    sends = package.load(folder).sends
    assert list(sends["send_id"]) == list(range(len(sends)))


def test_below_the_limit_nothing_is_left_out(start_zcprobe: Start) -> None:
    run = watched(start_zcprobe("run", "--scenario", "in-order", "-n", "1009", "-J"), look_at=lambda found: None).run
    assert run["rows_beyond_limit"] == {}
    assert run["rows"]["sends"] == 1009
    assert run["warnings"] == []
    assert findings_of(run) == []


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.alone  # what the writer has not written yet is in memory
def test_memory_does_not_grow_with_the_time(start_zcprobe: Start) -> None:
    """How much memory of the command and the sender grows between the middle and the end of the run."""
    found: list[tuple[int, int]] = []
    process = start_zcprobe(*WORDS[:-4], "8", "--record-limit", "1M", "-J")
    seen = watched(process, look_at=lambda found: (resident_bytes(found.command), resident_bytes(found.sender)))
    found = seen.values
    for middle, end in zip(found[len(found) // 2], found[-1], strict=True):
        assert end - middle < 8 << 20
