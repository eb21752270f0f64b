# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import pytest

from zcprobe.analysis import df_request_latency
from zcprobe.dataset.load import Comparison, Run, load_run
from zcprobe.plots import plot_request_latency
from zcprobe.units import format_duration_ns

RUNS = Path(__file__).parents[2] / "data" / "version_3" / "runs"


@pytest.fixture(scope="module")
def requests() -> Run:
    return load_run(RUNS / "requests")


def test_each_request_has_a_row(requests: Run) -> None:
    table = df_request_latency(requests)
    assert len(table) == requests.sender.responses == 200
    assert (table["latency_ns"].to_numpy() == requests.requests["latency_ns"].to_numpy()).all()
    assert table["time_s"].is_monotonic_increasing
    assert table["time_s"].iloc[0] == pytest.approx(0, abs=1e-3)
    assert table["bytes"].sum() == requests.sender.bytes_sent


def test_other_traffic_has_none(shipped: dict[str, Comparison], requests: Run) -> None:
    table = df_request_latency(shipped["in-order"].runs[0])
    assert table.empty
    assert table.dtypes.to_dict() == df_request_latency(requests).dtypes.to_dict()


def test_the_figure_names_the_quantiles(requests: Run) -> None:
    legend = plot_request_latency([requests]).get_legend()
    assert legend is not None
    (label,) = (text.get_text() for text in legend.get_texts())
    table = df_request_latency(requests)
    for share in (0.5, 0.99):
        assert f"p{share * 100:.0f} {format_duration_ns(table['latency_ns'].quantile(share))}" in label
    assert "n = 200 requests in 1 run" in label
