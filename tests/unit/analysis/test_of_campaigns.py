# SPDX-License-Identifier: GPL-2.0-only
"""Quantities that take many runs: from shipped campaigns, and from runs whose numbers are changed to known ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.changed import changed_run, run_with
from zcprobe.analysis.crossover import CROSSOVER_DTYPES, crossover_bytes, df_crossover
from zcprobe.analysis.optmem_map import OPTMEM_MAP_DTYPES, df_optmem_map
from zcprobe.analysis.probe_cost import PROBE_COST_DTYPES, df_probe_cost
from zcprobe.dataset.cost import load_cost
from zcprobe.dataset.load import Run, RunCollection, load_collection
from zcprobe.errors import OutputError, UsageError

_DATA = Path(__file__).parents[2] / "data"


_VERSIONS = sorted(path.name for path in _DATA.glob("version_*"))


def _campaign(name: str, version: str = "version_1") -> RunCollection:
    return load_collection(_DATA / version / "campaigns" / name)


def _run(size: int, goodput_bps: float, *, zerocopy: bool, **summary: Any) -> Run:
    """A real run's metadata with another size and goodput."""
    whole = _campaign("crossover").runs[0]
    changed = changed_run(whole, send_bytes=size, zerocopy=zerocopy)
    return run_with(changed, results={"goodput_bps": goodput_bps, **summary})


def _runs(ratios: dict[int, float]) -> list[Run]:
    """Five of each, so that the interval is narrow around the ratio."""
    noise = (0.99, 0.995, 1.0, 1.005, 1.01)
    with_zerocopy = [_run(size, ratio * part, zerocopy=True) for size, ratio in ratios.items() for part in noise]
    return with_zerocopy + [_run(size, part, zerocopy=False) for size in ratios for part in noise]


def test_ratios_are_of_medians_and_inside_their_intervals() -> None:
    table = df_crossover(_runs({4096: 0.5, 65536: 2.0}))
    assert table.dtypes.astype(str).to_dict() == CROSSOVER_DTYPES
    assert table["send_bytes"].tolist() == [4096, 65536]
    assert table["ratio"].to_numpy() == pytest.approx([0.5, 2.0])
    assert (table["low"] < table["ratio"]).all()
    assert (table["ratio"] < table["high"]).all()


@pytest.mark.parametrize(
    ("ratios", "crossover"),
    [
        ({1: 0.5, 2: 1.5, 4: 1.5}, 2),
        ({1: 1.5, 2: 1.5}, 1),
        ({1: 1.5, 2: 0.5, 4: 1.5}, 4),
        ({1: 1.5, 2: 0.5}, None),
        ({1: 1.001, 2: 1.001}, None),
        ({}, None),
    ],
)
def test_zerocopy_pays_from_where_it_always_does(ratios: dict[int, float], crossover: int | None) -> None:
    assert crossover_bytes(df_crossover(_runs(ratios))) == crossover


def test_only_completed_runs_with_a_counterpart_count() -> None:
    runs = [
        *_runs({4096: 2.0}),
        _run(8192, 1.0, zerocopy=True),
        _run(4096, 99.0, zerocopy=True, outcome="dead_enobufs"),
    ]
    table = df_crossover(runs)
    assert table["send_bytes"].tolist() == [4096]
    assert table["zerocopy_run_count"].tolist() == [5]
    assert table["ratio"].tolist() == pytest.approx([2.0])


def test_one_run_of_each_has_no_interval() -> None:
    table = df_crossover([_run(1, 3.0, zerocopy=True), _run(1, 2.0, zerocopy=False)])
    assert table["ratio"].tolist() == [1.5]
    assert np.isnan(table[["low", "high"]].to_numpy()).all()


@pytest.mark.parametrize("version", _VERSIONS)
def test_the_shipped_sizes_have_as_many_runs_of_each(version: str) -> None:
    """Smaller sends need more optmem, which in-order gives them: sizes may differ in that, too."""
    campaign = _campaign("crossover", version)
    table = df_crossover(campaign)
    assert table["send_bytes"].tolist() == [4096, 16384, 65536, 262144, 1048576]
    assert set(table["zerocopy_run_count"]) == set(table["copy_run_count"]) == {len(campaign) / 10}


def test_runs_of_one_size_have_one_limit() -> None:
    runs = [*_runs({4096: 2.0}), _run(4096, 1.0, zerocopy=True, optmem_max_bytes=20480)]
    with pytest.raises(UsageError, match="optmem_max"):
        df_crossover(runs)


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("name", ["optmem-by-size", "optmem-by-share"])
def test_every_run_is_in_one_cell_of_the_map(name: str, version: str) -> None:
    campaign = _campaign(name, version)
    table = df_optmem_map(campaign, "send_bytes" if name.endswith("size") else "hold_one_in_count")
    assert table.dtypes.astype(str).to_dict() == OPTMEM_MAP_DTYPES
    assert table["run_count"].sum() == len(campaign)
    assert table["dead_count"].sum() == sum(run.sender.outcome == "dead_enobufs" for run in campaign)
    assert table["enobufs_count"].sum() == sum(run.sender.enobufs_count for run in campaign)
    cells = table["optmem_max_bytes"].nunique() * table["value"].nunique()
    assert len(table) == len(table.drop_duplicates(["optmem_max_bytes", "value"])) == cells >= 6


def test_a_higher_limit_kills_fewer_and_more_held_clones_kill_more() -> None:
    by_share = df_optmem_map(_campaign("optmem-by-share"), "hold_one_in_count")
    assert by_share.groupby("optmem_max_bytes")["dead_count"].sum().is_monotonic_decreasing
    assert by_share.groupby("value")["dead_count"].sum().is_monotonic_decreasing


def test_an_axis_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        df_optmem_map([], "colour")  # type: ignore[arg-type]


def test_cost_is_the_median_over_pairs() -> None:
    ratios = load_cost(_DATA / "cost.json")
    table = df_probe_cost(ratios)
    assert table.dtypes.astype(str).to_dict() == PROBE_COST_DTYPES
    assert (table["what"] + "-" + table["send_bytes"].astype(str)).tolist() == list(ratios)
    assert table["median"].tolist() == [float(np.median(values)) for values in ratios.values()]
    assert table["pair_count"].tolist() == [len(values) for values in ratios.values()]
    with pytest.raises(UsageError):
        df_probe_cost({"probes": [1.0]})


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"probes-4096": 1}', b'{"probes-4096": [null]}', b'{"probes-4096": [0.9, -1.0]}']
)
def test_what_is_no_table_of_ratios_is_one_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cost.json"
    path.write_bytes(content)
    with pytest.raises(OutputError):
        load_cost(path)
    with pytest.raises(OutputError):
        load_cost(tmp_path / "nothing.json")


def test_nothing_is_an_empty_table() -> None:
    for table, dtypes in (
        (df_crossover([]), CROSSOVER_DTYPES),
        (df_optmem_map([]), OPTMEM_MAP_DTYPES),
        (df_probe_cost({}), PROBE_COST_DTYPES),
    ):
        assert table.empty
        assert table.dtypes.astype(str).to_dict() == dtypes
