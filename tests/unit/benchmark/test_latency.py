# SPDX-License-Identifier: GPL-2.0-only
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zcprobe.benchmark.latency import middle_ns, quantile_ns
from zcprobe.native import lib

LATENCIES = st.integers(0, 2**63 - 1)


@given(LATENCIES)
@example(0)
@example(31)
@example(32)
@example(63)
@example(64)
@example(2**63 - 1)
def test_a_slot_stands_for_its_latencies_within_a_64th(latency_ns: int) -> None:
    slot = lib.zc_latency_slot(latency_ns)
    assert 0 <= slot < lib.ZC_LATENCY_SLOTS
    assert abs(middle_ns(slot) - latency_ns) <= latency_ns // 64
    assert lib.zc_latency_slot(middle_ns(slot)) == slot


@given(LATENCIES, LATENCIES)
def test_a_longer_latency_never_has_a_lower_slot(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert lib.zc_latency_slot(low) <= lib.zc_latency_slot(high)


def test_every_slot_is_used() -> None:
    assert [lib.zc_latency_slot(middle_ns(slot)) for slot in range(lib.ZC_LATENCY_SLOTS)] == list(
        range(lib.ZC_LATENCY_SLOTS)
    )


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99, 1.0])
def test_quantiles_are_those_of_all_channels(share: float) -> None:
    latencies = np.random.default_rng(1).lognormal(12, 1.5, (3, 1009)).astype(np.int64)
    channels = [Counter(lib.zc_latency_slot(int(one)) for one in channel) for channel in latencies]
    expected = np.quantile(latencies, share, method="inverted_cdf")
    assert quantile_ns(channels, share) == pytest.approx(expected, rel=1 / 64)


def test_without_latencies_there_is_no_quantile() -> None:
    assert quantile_ns([{}, {}], 0.5) is None
