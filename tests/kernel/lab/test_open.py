# SPDX-License-Identifier: GPL-2.0-only
"""A lab whose scenario impairs the path in more than one way."""

import os

import msgspec
import pytest

from tests.impaired import transfer
from zcprobe.journal import journal
from zcprobe.lab.effects import read_effects
from zcprobe.lab.impairments.delay import DelayImpairment
from zcprobe.lab.impairments.hold import HoldImpairment
from zcprobe.lab.impairments.path import ImpairedPath
from zcprobe.lab.impairments.qdisc import TokenBucket
from zcprobe.lab.netns import namespace_pair
from zcprobe.lab.open import describe_impairment, open_lab
from zcprobe.lab.scenarios import find_scenario

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

HOLD = HoldImpairment(
    one_in_count=1, bucket=TokenBucket(rate_bps=30_000_000_000, burst_bytes=1_000_000, limit_bytes=1_000_000_000)
)
DELAY = DelayImpairment(bucket=TokenBucket(rate_bps=132_000, burst_bytes=2_000, limit_bytes=660))
BOTH = msgspec.structs.replace(find_scenario("in-order"), impairments=(HOLD, DELAY))


def test_a_scenario_has_all_its_impairments_at_once() -> None:
    with open_lab(BOTH, run_id=f"both{os.getpid()}", family="ipv4") as lab:
        assert lab.impairment["hold_rate_bps"] == 30_000_000_000
        assert lab.impairment["delay_rate_bps"] == 132_000
    assert describe_impairment(BOTH)["delay_send_buffer_max_bytes"] == 4 * 1024 * 1024


def test_each_impairment_tells_what_it_did() -> None:
    with journal(f"both{os.getpid()}") as opened, namespace_pair(opened) as pair:
        path = ImpairedPath(pair=pair, family="ipv4")
        with HOLD.put_on(path), DELAY.put_on(path):
            transfer(pair, "ipv4")
            effects = read_effects(path, BOTH)
    assert effects.held_bytes is not None
    assert effects.held_bytes > 60_000_000
    assert effects.delay_waits is not None
    assert effects.delay_waits > 10
    assert effects.reordered_packets is None
