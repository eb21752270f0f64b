# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.changed import run_with
from zcprobe.analysis import df_tcp_info
from zcprobe.analysis.timebase import origin_ns
from zcprobe.dataset.load import Comparison, Run, load_run
from zcprobe.format.metadata import FORMAT_VERSION

ROUND_TRIPS = Path(__file__).parents[2] / "data" / "version_3" / "runs" / "round-trips"
DRAWN = ["rtt_ns", "cwnd_bytes", "delivery_rate_bps", "retransmit_count"]


@pytest.fixture(scope="module")
def sampled() -> Run:
    return load_run(ROUND_TRIPS)


@pytest.fixture
def long_run(sampled: Run, shipped: dict[str, Comparison], tmp_path: Path) -> Run:
    """A run from before there were digests, with 200,000 samples, of which one is the highest."""
    old = shipped["channels"].runs[0]
    count = 200_000
    rows = pd.concat([sampled.tcp_info.head(1)] * count, ignore_index=True)
    rows["time_ns"] = origin_ns(old) + np.arange(count) * 1_000_000
    rows["channel"] = np.arange(count, dtype=np.uint16) % 2
    rows.loc[123_457, "rtt_ns"] = 2**40
    rows.to_parquet(tmp_path / "tcp_info.parquet")
    return run_with(old, tmp_path, format_version=FORMAT_VERSION)


def test_each_sample_has_a_row_of_its_own_channel_in_order_of_time(sampled: Run) -> None:
    table = df_tcp_info(sampled)
    assert len(table) == len(sampled.tcp_info) == sampled.meta.rows["tcp_info"]
    assert table["time_s"].is_monotonic_increasing
    for channel, own in sampled.tcp_info.groupby("channel"):
        of_channel = table[table["channel"] == channel]
        for name in DRAWN:
            assert (of_channel[name].to_numpy() == own[name].to_numpy()).all()


def test_the_summary_is_that_of_the_samples(sampled: Run) -> None:
    table, sender = df_tcp_info(sampled), sampled.sender
    assert sender.rtt_mean_ns == round(table["rtt_ns"].mean())
    assert sender.rtt_max_ns == table["rtt_ns"].max()
    assert sender.rtt_min_ns == table["rtt_min_ns"].min()
    assert sender.cwnd_max_bytes == table["cwnd_bytes"].max()
    assert sender.delivery_rate_max_bps == table["delivery_rate_bps"].max()
    assert sender.retransmit_count == table.groupby("channel")["retransmit_count"].max().sum()


@pytest.mark.bulk
def test_a_long_run_keeps_its_extremes_in_few_rows(long_run: Run) -> None:
    edges = np.linspace(0, 200, 401)
    table = df_tcp_info(long_run, edges)
    assert len(table) <= 401 * 2 * (2 + 2 * len(DRAWN))
    assert table["rtt_ns"].max() == 2**40
    assert table["time_s"].is_monotonic_increasing
    assert len(df_tcp_info(long_run)) == 200_000


def test_runs_from_before_have_none(shipped: dict[str, Comparison]) -> None:
    run = shipped["in-order"].runs[0]
    table = df_tcp_info(run)
    assert table.empty
    assert table.dtypes.to_dict() == df_tcp_info(load_run(ROUND_TRIPS)).dtypes.to_dict()
    assert run.sender.rtt_mean_ns is None
