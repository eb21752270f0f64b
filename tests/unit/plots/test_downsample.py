import time

import numpy as np

from zcprobe.plots.downsample import envelope


def test_few_points_all_stay() -> None:
    assert envelope(np.arange(5.0), np.zeros(5)).tolist() == [0, 1, 2, 3, 4]


def test_peaks_and_troughs_and_both_ends_stay() -> None:
    value = np.zeros(100_000)
    value[12_345], value[67_890] = 9.0, -9.0
    kept = envelope(np.arange(100_000.0), value, bins=50)
    assert {0, 12_345, 67_890, 99_999} <= set(kept.tolist())
    assert len(kept) <= 4 * 50
    assert (np.diff(kept) > 0).all()


def test_bursts_and_pauses_are_no_trouble() -> None:
    moments = np.concatenate([np.zeros(5000), np.full(5000, 7.0), [1e6]])
    value = np.random.default_rng(1).normal(size=len(moments))
    kept = envelope(moments, value, bins=100)
    assert value[kept].max() == value.max()
    assert value[kept].min() == value.min()


def test_ten_million_points_take_seconds() -> None:
    moments, value = np.arange(1e7), np.random.default_rng(1).normal(size=10_000_000)
    begin = time.monotonic()
    assert len(envelope(moments, value)) <= 4 * 400
    assert time.monotonic() - begin < 5
