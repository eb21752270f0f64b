# SPDX-License-Identifier: GPL-2.0-only
"""The cost of the probes is measured against a side without probes, even after a comparison has loaded some."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from zcprobe.benchmark.defaults import benchmark_of, open_probes
from zcprobe.campaign.compare import compare
from zcprobe.config import RunConfig
from zcprobe.interrupt import deferred_interrupt
from zcprobe.overhead import measure as overhead

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

Sides = dict[str, Callable[[], float]]


def our_programs() -> set[int]:
    """Ids of the BPF programs that this process holds, directly or by a link, as the kernel reports them."""
    lines = [line for path in Path("/proc/self/fdinfo").iterdir() for line in _lines(path)]
    return {int(line.split()[1]) for line in lines if line.startswith("prog_id:")}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:  # iterdir() has closed its own descriptor
        return []


def test_no_program_of_a_comparison_is_there_while_sends_go_without_probes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[set[int]]] = {"off": [], "summary": [], "timed": []}
    real_block, real_ratios = overhead._block, overhead.ratios_to  # type: ignore[attr-defined]
    current = "timed"

    def block(*arguments: object) -> float:
        seen[current].append(our_programs())
        return real_block(*arguments)  # type: ignore[arg-type]

    def noting(name: str, side: Callable[[], float]) -> Callable[[], float]:
        def run() -> float:
            nonlocal current
            current = name
            try:
                return side()
            finally:
                current = "timed"

        return run

    def ratios(base: str, sides: Sides, rounds: int) -> dict[str, list[float]]:
        return real_ratios(base, {name: noting(name, side) for name, side in sides.items()}, rounds)

    benchmark = benchmark_of(RunConfig(scenario="in-order", send_count=23, probe_level="summary"))
    with open_probes(benchmark) as probes, deferred_interrupt() as interruption:
        assert our_programs()
        monkeypatch.setattr(overhead, "_block", block)
        monkeypatch.setattr(overhead, "ratios_to", ratios)
        compare({"qemu-merged": benchmark}, 1, 0, tmp_path, probes, interruption, lambda *_: None, 1, report=False)
    assert len(seen["off"]) == 2  # one in which windows grow, one that counts
    assert seen["off"] == [set(), set()]
    assert all(seen["summary"])
