# SPDX-License-Identifier: GPL-2.0-only
"""A scenario's rates are computed from the path that it finds, and a run that impaired nothing says so."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.kernel.benchmark.conftest import Measure
from tests.repeated import repeated
from zcprobe.config import SocketOptions
from zcprobe.format.effects import Effects
from zcprobe.lab.impairments.hold import HOLD_DEVICE
from zcprobe.lab.namespace import list_namespaces

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


@contextmanager
def watched_buckets(device: str, side: str) -> Iterator[list[Any]]:
    """The TBF qdisc of a device in any namespace that a run makes, as tc shows it from time to time."""
    seen: list[Any] = []

    def look() -> None:
        for name in list_namespaces():
            if name.endswith(side):
                command = ["tc", "-n", name, "-s", "-j", "qdisc", "show", "dev", device]
                found = subprocess.run(command, capture_output=True, check=False).stdout
                seen.extend(entry for entry in json.loads(found or b"[]") if entry["kind"] == "tbf")

    with repeated(look, 0.01):
        yield seen


def test_the_hold_has_the_rate_that_was_calibrated(measure: Measure) -> None:
    """tc shows the rate in the kernel, and the run keeps the numbers of its calibration."""
    with watched_buckets(HOLD_DEVICE, "-tx") as seen:
        run = measure(scenario="held-completions", policy="qemu-merged")
    calibration, scenario = run.meta.calibration, run.meta.scenario
    assert calibration.hold_rate_bps == pytest.approx(0.3 * calibration.goodput_bps / 16, abs=1)
    assert scenario.hold["bucket"]["rate_bps"] == calibration.hold_rate_bps
    assert run.meta.lab.impairment["hold_rate_bps"] == calibration.hold_rate_bps
    # tc has bytes per second
    assert {entry["options"]["rate"] for entry in seen} == {calibration.hold_rate_bps // 8}
    assert run.meta.effects.held_packets >= max(entry["packets"] for entry in seen)
    assert run.meta.effects.hold_waits > 0
    assert run.meta.warnings == []
    assert calibration.charge_bytes == run.kernel.charge_bytes
    assert calibration.notifications_max * calibration.charge_bytes <= 131072 + calibration.charge_bytes
    assert run.meta.config.send_count == scenario.send_count == run.sender.writes


@pytest.mark.parametrize("pacing_bps", [200_000_000, 1_000_000_000])
def test_a_paced_sender_is_held_up_as_well(pacing_bps: int, measure: Measure) -> None:
    """The rate of the hold follows that of the sender, so a slow one does not escape."""
    run = measure(
        scenario="held-completions",
        policy="qemu-pre",
        socket=SocketOptions(pacing_bps=pacing_bps),
        optmem_max_bytes=20480,
    )
    assert run.meta.calibration.goodput_bps <= pacing_bps
    assert run.meta.effects.hold_waits > 0
    assert run.sender.outcome == "dead_enobufs"


def test_a_hold_that_lets_every_clone_go_at_once_says_so(measure: Measure) -> None:
    run = measure(
        scenario="held-completions",
        hold_rate_bps=30_000_000_000,
        socket=SocketOptions(pacing_bps=500_000_000),
        send_count=503,
    )
    assert run.meta.calibration is None
    assert [warning.id for warning in run.meta.warnings] == ["nothing-held-back"]
    assert run.meta.effects.held_packets > 0


def test_late_acknowledgements_wait_in_their_queue_and_none_is_dropped(measure: Measure) -> None:
    with watched_buckets("rx0", "-rx") as seen:
        run = measure(scenario="in-flight", policy="qemu-merged")
    assert {entry["options"]["rate"] for entry in seen} == {run.meta.calibration.ack_rate_bps // 8}
    assert run.meta.effects.delay_waits > 0
    assert run.meta.effects.delay_dropped_packets == 0
    assert run.meta.warnings == []
    assert run.sender.enobufs_count > 0


def test_a_slow_reader_reads_at_its_share_of_the_goodput(measure: Measure) -> None:
    run = measure(scenario="slow-reader", policy="qemu-merged")
    calibration = run.meta.calibration
    assert calibration.read_bps == pytest.approx(0.1 * calibration.goodput_bps, abs=1)
    assert run.meta.effects.reader_pause_ns > 0
    # the last piece of a hundredth of a second is not waited for
    assert run.sender.goodput_bps < 1.1 * calibration.read_bps
    assert run.meta.warnings == []


@pytest.mark.parametrize("send_bytes", [1, 1009, 4096, 9001, 65536, 524288])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_the_control_is_one_in_every_size(send_bytes: int, family: str, measure: Measure) -> None:
    run = measure(
        scenario="in-order", policy="qemu-pre", family=family, send_bytes=send_bytes, duration_s=1.0, record=False
    )
    assert (run.sender.outcome, run.sender.enobufs_count) == ("completed", 0)
    assert run.meta.warnings == []


def test_a_control_under_a_limit_that_it_meets_is_not_called_one(measure: Measure) -> None:
    run = measure(scenario="in-order", send_count=1009, optmem_max_bytes=2000)
    assert run.sender.enobufs_count > 0
    assert [warning.id for warning in run.meta.warnings] == ["not-a-control"]


def test_fragmented_datagrams_are_told(measure: Measure) -> None:
    run = measure(scenario="in-order", protocol="udp", send_bytes=8192, send_count=101)
    assert "fragmented-datagrams" in [warning.id for warning in run.meta.warnings]


def test_nothing_is_measured_for_a_scenario_without_rates(measure: Measure) -> None:
    run = measure(scenario="in-order", send_count=23)
    assert run.meta.calibration is None
    assert run.meta.effects == Effects()


@pytest.mark.parametrize("policy", ["qemu-pre", "qemu-shipped"])
def test_channels_that_share_the_queue_of_clones_do_not_overflow_it(policy: str, measure: Measure) -> None:
    run = measure(scenario="held-completions", policy=policy, channels=8)
    assert run.meta.calibration.channels == 8
    assert run.meta.effects.hold_waits > 0
    assert run.meta.effects.hold_dropped_packets == 0
    assert run.meta.warnings == []
    assert run.sender.outcome == "dead_enobufs"


def test_readers_of_all_channels_together_have_the_share(measure: Measure) -> None:
    run = measure(scenario="slow-reader", policy="qemu-merged", channels=8)
    assert run.sender.goodput_bps < 1.2 * 0.1 * run.meta.calibration.goodput_bps


def test_a_slow_sender_is_calibrated_as_fast_as_any(measure: Measure) -> None:
    """Calibration does not wait for what the socket accepts at once."""
    start = time.monotonic()
    run = measure(scenario="slow-reader", socket=SocketOptions(pacing_bps=20_000_000), send_count=3)
    assert run.meta.calibration.goodput_bps == 20_000_000
    assert run.meta.calibration.duration_ns < 2e9
    assert time.monotonic() - start < 15
