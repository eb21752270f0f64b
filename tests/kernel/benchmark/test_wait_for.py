# SPDX-License-Identifier: GPL-2.0-only
"""Which poll event reports the error queue: the same traffic with three ways of waiting."""

import os
from collections.abc import Callable

import pytest

from zcprobe.dataset.load import Run

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root"),
    pytest.mark.usefixtures("nothing_left"),
]

Measure = Callable[..., Run]


@pytest.mark.parametrize("wait_for", ["error", "both"])
def test_pollerr_tells(wait_for: str, measure: Measure) -> None:
    run = measure(scenario="in-flight", policy="qemu-merged", wait_for=wait_for, send_count=503)
    assert (run.sender.outcome, run.sender.sink_intact) == ("completed", True)
    assert run.sender.stall_count > 0
    assert run.flushes["wait_count"].sum() > 0
    assert run.flushes["spurious_count"].sum() == 0


def test_pollin_never_tells(measure: Measure) -> None:
    run = measure(scenario="in-flight", policy="qemu-merged", wait_for="input", deadline_s=1.0)
    assert run.sender.outcome == "dead_timeout"
    waits = run.flushes[run.flushes["trigger"] == "enobufs"]
    stuck = waits.loc[waits["duration_ns"].idxmax()]
    # it returns at once for an event that was not asked for, and nobody reads what would end it
    assert stuck["spurious_count"] > 100
    assert stuck["spurious_count"] >= stuck["wait_count"] - 1
    assert run.sender.stall_ns_max > 0.8e9
    assert run.sender.sink_intact is True
