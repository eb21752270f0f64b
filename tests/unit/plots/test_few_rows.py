# SPDX-License-Identifier: GPL-2.0-only
"""Tables that exist but have no row or one row; windows that contain nothing."""

import inspect
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import zcprobe.analysis
import zcprobe.plots
from tests.unit.changed import run_with
from zcprobe.analysis.comparisons import as_comparison
from zcprobe.dataset.load import Comparison, Run
from zcprobe.dataset.schema import table_schema
from zcprobe.export.trace import write_trace
from zcprobe.format.metadata import FORMAT_VERSION
from zcprobe.format.tables import TABLES
from zcprobe.plots.comparison import draw_comparison


@pytest.fixture(scope="module", params=[0, 1], ids=["no row", "one row"])
def scant(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shipped: dict[str, Comparison]
) -> Run:
    """A run of the current format whose tables have no row, or only the first."""
    whole = shipped["held-completions"].runs_of("qemu-merged")[0]
    folder = tmp_path_factory.mktemp("scant")
    for table in TABLES:
        rows = pa.concat_tables([table_schema(table).empty_table(), *whole.iterate_parts(table)])
        pq.write_table(rows.slice(0, request.param), folder / f"{table}.parquet")
    return run_with(whole, folder, format_version=FORMAT_VERSION)


def _functions() -> list[Callable[..., Any]]:
    """Every df_ and plot_ that takes a run or runs."""
    found = [getattr(module, name) for module in (zcprobe.analysis, zcprobe.plots) for name in dir(module)]
    named = [one for one in found if getattr(one, "__name__", "").startswith(("df_", "plot_"))]
    return [
        one
        for one in named
        if next(iter(inspect.signature(one).parameters)) in ("run", "runs") and "probe_cost" not in one.__name__
    ]


@pytest.mark.parametrize("function", _functions(), ids=lambda function: function.__name__)
def test_every_table_and_figure_copes(function: Callable[..., Any], scant: Run) -> None:
    takes_one = next(iter(inspect.signature(function).parameters)) == "run"
    made = function(scant if takes_one else [scant])
    if function.__name__.startswith("plot_"):
        made.figure.draw_without_rendering()


def test_all_figures_of_a_comparison_cope(scant: Run) -> None:
    for figure in draw_comparison(as_comparison(scant)).values():
        figure.draw_without_rendering()


@pytest.mark.parametrize("where", [slice(0, 10), slice(2**62, None), slice(5, 5), slice(None, 1)])
def test_windows_before_and_behind_a_run_are_empty_tables(where: slice, run: Run) -> None:
    for table in TABLES:
        rows = run.read(table, where=where)
        assert rows.empty
        assert list(rows) == list(run.read(table))
    assert run.downsample("meminfo", "optmem_bytes", 8, where).empty


def test_a_window_of_one_moment_has_what_lies_there(run: Run) -> None:
    first = int(run.meminfo["time_ns"].min())
    rows = run.read("meminfo", where=slice(first, first + 1))
    assert set(rows["time_ns"]) == {first}
    assert run.downsample("meminfo", "optmem_bytes", 8, slice(first, first + 1))["row_count"].sum() == len(rows)


@pytest.mark.parametrize("window", [(0.0, 1e-9), (0.0123, 0.0123001), (50.0, 60.0)])
def test_a_trace_without_events_in_its_window_is_a_trace(
    window: tuple[float, float], shipped: dict[str, Comparison]
) -> None:
    file = io.BytesIO()
    write_trace(shipped["held-completions"].runs, file, window)
    assert {event["ph"] for event in json.loads(file.getvalue())["traceEvents"]} >= {"M", "B", "E"}


def test_a_scant_run_has_a_trace_in_every_window(scant: Run) -> None:
    for window in ((0.0, 1.0), (1.0, 2.0)):
        file = io.BytesIO()
        write_trace([scant], file, window)
        assert json.loads(file.getvalue())["traceEvents"]
