# SPDX-License-Identifier: GPL-2.0-only
import msgspec
import pytest

from zcprobe.config import DEFAULT_DEADLINE_S, RunConfig
from zcprobe.format.calibration import Calibration
from zcprobe.lab.calibration import calibrated, deadline_s
from zcprobe.lab.impairments.delay import DelayImpairment
from zcprobe.lab.impairments.hold import MIN_HOLD_BURST_BYTES, HoldImpairment
from zcprobe.lab.impairments.qdisc import TokenBucket
from zcprobe.lab.scenarios import SCENARIOS, Scenario, Shares, find_scenario, with_hold

GSO_PACKET_BYTES = 65536 + 45 * 66
"""Bytes with a header for each segment, which is how a queue counts them."""


def bucket_of(scenario: Scenario, kind: type[HoldImpairment] | type[DelayImpairment] = HoldImpairment) -> TokenBucket:
    impairment = scenario.find(kind)
    assert impairment is not None
    return impairment.bucket


def measured(goodput_bps: float, notifications_max: int = 157, channels: int = 1) -> Calibration:
    return Calibration(
        channels=channels,
        goodput_bps=goodput_bps,
        duration_ns=250_000_000,
        sends=1009,
        charge_bytes=832,
        optmem_max_bytes=131072,
        notifications_max=notifications_max,
    )


@pytest.mark.parametrize("goodput_bps", [1e8, 1e9, 2e10])
def test_a_hold_is_slower_than_the_clones_come_on_any_machine(goodput_bps: float) -> None:
    scenario, calibration = calibrated(find_scenario("held-completions"), measured(goodput_bps))
    assert bucket_of(scenario).rate_bps == calibration.hold_rate_bps
    assert calibration.hold_rate_bps == pytest.approx(0.3 * goodput_bps / 16, abs=1)
    assert (calibration.ack_rate_bps, calibration.read_bps) == (None, None)


def test_channels_share_the_queue_and_have_a_reader_each() -> None:
    for name in ("held-completions", "held-in-flight"):
        alone, _ = calibrated(find_scenario(name), measured(1e10))
        shared, _ = calibrated(find_scenario(name), measured(1e10, channels=8))
        assert bucket_of(shared).limit_bytes == 8 * bucket_of(alone).limit_bytes
        assert bucket_of(shared).rate_bps == bucket_of(alone).rate_bps
    _, calibration = calibrated(find_scenario("slow-reader"), measured(1e10, channels=8))
    assert calibration.read_bps == pytest.approx(0.1 * 1e10 / 8, abs=1)


def test_the_share_of_packets_is_in_the_rate() -> None:
    scenario, calibration = calibrated(with_hold(find_scenario("held-completions"), 64, None), measured(1e10))
    assert calibration.hold_rate_bps == pytest.approx(0.3 * 1e10 / 64, abs=1)
    assert scenario.send_count > 64 * 157


def test_a_rate_that_was_asked_for_stays() -> None:
    asked = with_hold(find_scenario("held-completions"), None, 200_000_000)
    assert not asked.is_calibrated
    scenario, calibration = calibrated(asked, measured(1e9))
    assert scenario == asked
    assert calibration.hold_rate_bps is None


@pytest.mark.parametrize("notifications_max", [24, 157, 1260, 2_000_000])
def test_what_is_held_fills_optmem_before_the_queue_overflows_or_the_run_ends(notifications_max: int) -> None:
    scenario, _ = calibrated(find_scenario("held-completions"), measured(1e10, notifications_max))
    assert bucket_of(scenario).limit_bytes >= min(notifications_max * GSO_PACKET_BYTES, 2**32 - 1)
    assert bucket_of(scenario).burst_bytes >= MIN_HOLD_BURST_BYTES
    # of 16 sends one is held, of ten that are held three are let go
    assert scenario.send_count > notifications_max * 16 / 0.7


def test_rates_are_those_that_the_kernel_takes() -> None:
    for goodput_bps in (1.0, 1e15):
        for name in ("held-completions", "held-in-flight", "in-flight"):
            scenario, _ = calibrated(find_scenario(name), measured(goodput_bps))
            kind = DelayImpairment if name == "in-flight" else HoldImpairment
            assert 8_000 <= bucket_of(scenario, kind).rate_bps < 2**32 * 8


def test_acknowledgements_and_the_reader_are_slower_than_the_path() -> None:
    scenario, calibration = calibrated(find_scenario("in-flight"), measured(20e9))
    rate_bps = bucket_of(scenario, DelayImpairment).rate_bps
    assert rate_bps == calibration.ack_rate_bps
    acks_per_s = rate_bps / 8 / 66
    assert acks_per_s * 65536 * 8 == pytest.approx(0.2 * 20e9, rel=0.01)
    scenario, calibration = calibrated(find_scenario("slow-reader"), measured(20e9))
    assert scenario.reading.read_bps == calibration.read_bps == pytest.approx(2e9, abs=1)


def test_a_scenario_without_rates_stays_as_it_is() -> None:
    for name, scenario in SCENARIOS.items():
        assert scenario.is_calibrated == (scenario.shares != Shares())
        if not scenario.is_calibrated:
            assert calibrated(scenario, measured(1e9)) == (scenario, measured(1e9)), name


def test_the_rates_of_the_catalogue_are_those_of_a_path_of_20_gbit() -> None:
    for name, scenario in SCENARIOS.items():
        found, _ = calibrated(scenario, measured(20e9))
        for kind in (HoldImpairment, DelayImpairment):
            if scenario.find(kind) is not None:
                rate, expected = bucket_of(scenario, kind).rate_bps, bucket_of(found, kind).rate_bps
                assert rate == pytest.approx(expected, rel=0.01), name
        assert scenario.reading.read_bps == found.reading.read_bps, name


def test_a_slow_path_has_a_later_deadline() -> None:
    scenario = find_scenario("held-completions")
    config = RunConfig(send_bytes=65536, send_count=8_000)
    assert deadline_s(config, scenario, 20e9) == DEFAULT_DEADLINE_S
    whole_s = 8_000 * 65536 * 8 / (0.3 * 0.2e9)
    assert deadline_s(config, scenario, 0.2e9) == pytest.approx(3 * whole_s)
    for_a_time = msgspec.structs.replace(config, send_count=None, duration_s=5.0)
    assert deadline_s(for_a_time, scenario, 0.2e9) == DEFAULT_DEADLINE_S
