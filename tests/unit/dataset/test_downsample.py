# SPDX-License-Identifier: GPL-2.0-only
import time

import numpy as np
import pytest

from zcprobe.dataset.downsample import envelope


def test_peaks_and_troughs_of_every_value_and_both_ends_stay() -> None:
    value, other = np.zeros(100_000), np.zeros(100_000)
    value[12_345], value[67_890], other[34_567] = 9.0, -9.0, 1.0
    kept = envelope(np.linspace(0, 100_000, 51), np.arange(100_000.0), value, other)
    assert {0, 12_345, 34_567, 67_890, 99_999} <= set(kept.tolist())
    assert len(kept) <= 6 * 50
    assert (np.diff(kept) > 0).all()


def test_what_lies_before_and_after_the_edges_has_its_extremes_too() -> None:
    value = np.zeros(1000)
    value[[23, 977]] = 1.0, -1.0
    kept = envelope(np.array([400.0, 600.0]), np.arange(1000.0), value)
    assert {0, 23, 399, 400, 599, 600, 977, 999} <= set(kept.tolist())


def test_an_envelope_of_envelopes_is_that_of_the_whole() -> None:
    moments, value = np.arange(10_007.0), np.random.default_rng(1).normal(size=10_007)
    edges = np.linspace(0, 9000, 30)
    parts = [
        envelope(edges, moments[begin : begin + 997], value[begin : begin + 997]) + begin
        for begin in range(0, 10_007, 997)
    ]
    first = np.concatenate(parts)
    assert len(first) < 10_007 / 10
    assert first[envelope(edges, moments[first], value[first])].tolist() == envelope(edges, moments, value).tolist()


def test_bursts_pauses_and_nothing_are_no_trouble() -> None:
    moments = np.concatenate([np.zeros(5000), np.full(5000, 7.0), [1e6]])
    value = np.random.default_rng(1).normal(size=len(moments))
    kept = envelope(np.linspace(0, 1e6, 101), moments, value)
    assert value[kept].max() == value.max()
    assert value[kept].min() == value.min()
    assert envelope(np.linspace(0, 1, 7), np.empty(0), np.empty(0)).tolist() == []


@pytest.mark.fuzz
def test_ten_million_points_take_seconds() -> None:
    moments, value = np.arange(1e7), np.random.default_rng(1).normal(size=10_000_000)
    begin = time.monotonic()
    assert len(envelope(np.linspace(0, 1e7, 401), moments, value)) <= 4 * 400
    assert time.monotonic() - begin < 5
