# SPDX-License-Identifier: GPL-2.0-only
import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import zcprobe.analysis
import zcprobe.plots
from tests.unit.changed import run_with
from zcprobe.analysis import df_enobufs, df_stalls
from zcprobe.analysis.comparisons import as_comparisons
from zcprobe.dataset.load import Comparison, Run, RunCollection, load_collection
from zcprobe.dataset.memory import kept_in_memory
from zcprobe.dataset.table import time_column
from zcprobe.errors import UsageError
from zcprobe.format.metadata import FORMAT_VERSION
from zcprobe.plots import (
    draw_crossover,
    draw_overview,
    draw_policies,
    plot_completion_latency,
    plot_copied,
    plot_cpu,
    plot_crossover,
    plot_enobufs,
    plot_enobufs_causes,
    plot_errqueue,
    plot_flushes,
    plot_goodput,
    plot_in_flight,
    plot_late_completions,
    plot_merges,
    plot_optmem,
    plot_optmem_map,
    plot_policies,
    plot_probe_cost,
    plot_ranges,
    plot_request_latency,
    plot_samples,
    plot_send_rate,
    plot_sendmsg_results,
    plot_stalls,
    plot_tcp_info,
)
from zcprobe.plots.canvas import new_figure
from zcprobe.plots.captions import captions
from zcprobe.plots.enobufs import MOST_BARS
from zcprobe.plots.sendmsg_results import count_results

OF_ONE_RUN = [
    plot_optmem,
    plot_errqueue,
    plot_enobufs,
    plot_in_flight,
    plot_send_rate,
    plot_ranges,
    plot_samples,
    plot_tcp_info,
]
OF_RUNS = [
    plot_completion_latency,
    plot_copied,
    plot_cpu,
    plot_crossover,
    plot_enobufs_causes,
    plot_flushes,
    plot_goodput,
    plot_late_completions,
    plot_merges,
    plot_optmem_map,
    plot_policies,
    plot_request_latency,
    plot_sendmsg_results,
    plot_stalls,
]
ON_ONE_PAGE = [plot_optmem, plot_errqueue, plot_in_flight, plot_send_rate]
"""Those of which draw_overview() makes one figure."""
OF_RATIOS = [plot_probe_cost]

_OFTEN = 20_000


@pytest.fixture
def crossover_runs() -> RunCollection:
    return load_collection(Path(__file__).parents[2] / "data" / "version_1" / "campaigns" / "crossover")


@pytest.fixture(scope="module")
def run(run: Run) -> Iterator[Run]:
    """Each kept run in turn, with its tables in memory for all figures."""
    with kept_in_memory([run]):
        yield run


@pytest.fixture(scope="module")
def newest_run(newest_run: Run) -> Iterator[Run]:
    with kept_in_memory([newest_run]):
        yield newest_run


@pytest.fixture(scope="module")
def comparison(comparison: Comparison) -> Iterator[Comparison]:
    with kept_in_memory(comparison):
        yield comparison


@pytest.fixture(scope="module")
def of_a_campaign(campaign: RunCollection) -> Iterator[Sequence[Run]]:
    """The runs of each kept campaign that may share a figure; most have no tables."""
    runs = as_comparisons(campaign)[-1]
    with kept_in_memory(runs):
        yield runs


def _check_labels(ax: Axes) -> None:
    assert ax.get_xlabel()
    assert ax.get_ylabel() or ax.get_yticklabels()
    assert ax.get_title(loc="left")


def _check(ax: Axes) -> None:
    """Checks that the axes have labels and that the figure can be laid out and drawn. No pixels are made: those are for
    the kept pictures and the saved figures."""
    _check_labels(ax)
    figure = ax.get_figure()
    assert figure is not None
    figure.draw_without_rendering()


def _words(ax: Axes) -> str:
    return " ".join(text.get_text() for text in ax.texts)


def test_every_plot_is_drawn_here_and_has_its_table() -> None:
    tested = {plot.__name__ for plot in [*OF_ONE_RUN, *OF_RUNS, *OF_RATIOS]}
    assert tested == {name for name in dir(zcprobe.plots) if name.startswith("plot_")}
    assert {f"df_{name.removeprefix('plot_')}" for name in tested} == set(dir(zcprobe.analysis))


def test_a_function_is_in_the_module_of_its_stem() -> None:
    for package, prefix in ((zcprobe.plots, "plot_"), (zcprobe.analysis, "df_")):
        for module in iter_modules(package.__path__):
            own = import_module(f"{package.__name__}.{module.name}")
            names = [name for name in own.__all__ if name.startswith(prefix)]
            assert names in ([], [f"{prefix}{module.name}"])
    with pytest.raises(AttributeError, match="plot_nothing"):
        _ = zcprobe.plots.plot_nothing


@pytest.mark.parametrize("plot", [plot for plot in OF_ONE_RUN if plot not in ON_ONE_PAGE])
def test_each_run_is_drawn(plot: Callable[[Run], Axes], run: Run) -> None:
    _check(plot(run))


@pytest.mark.parametrize("plot", ON_ONE_PAGE)
def test_what_is_on_the_page_of_each_run_is_also_drawn_alone(plot: Callable[[Run], Axes], newest_run: Run) -> None:
    _check(plot(newest_run))


def test_a_crossover_has_a_panel_for_each_quantity_and_its_warning(crossover_runs: RunCollection) -> None:
    figure = draw_crossover(crossover_runs)
    figure.canvas.draw()
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_visible()]
    assert [title.partition("\n")[0] for title in titles] == ["goodput", "CPU time of the sender per gigabyte"]
    assert all("zerocopy wins" in title for title in titles)
    assert "every completion was copied" in figure.get_suptitle().replace("\n", " ")
    assert "no size of a send" in _words(draw_crossover([]).axes[0])


@pytest.mark.parametrize("plot", OF_RUNS)
def test_each_comparison_is_drawn(plot: Callable[[Sequence[Run]], Axes], comparison: Comparison) -> None:
    _check(plot(comparison))


@pytest.mark.parametrize("plot", OF_RUNS)
def test_each_campaign_is_drawn(plot: Callable[[Sequence[Run]], Axes], of_a_campaign: Sequence[Run]) -> None:
    """Most runs of a campaign have no tables, so figures must say what they cannot show."""
    _check(plot(of_a_campaign))


@pytest.mark.parametrize("plot", [plot for plot in OF_RUNS if plot not in (plot_crossover, plot_optmem_map)])
def test_runs_that_were_made_in_different_ways_share_no_figure(
    plot: Callable[[Sequence[Run]], Axes], shipped: dict[str, Comparison]
) -> None:
    with pytest.raises(UsageError, match="in-order or in-flight"):
        plot([*shipped["in-order"], *shipped["in-flight"]])


@pytest.mark.parametrize("plot", OF_ONE_RUN)
def test_a_run_without_tables_says_so(plot: Callable[[Run], Axes], empty_run: Run) -> None:
    ax = plot(empty_run)
    _check(ax)
    assert _words(ax)
    assert not ax.collections
    assert not ax.lines


@pytest.mark.parametrize("plot", OF_RUNS)
def test_no_runs_say_so(plot: Callable[[list[Run]], Axes]) -> None:
    ax = plot([])
    _check(ax)
    assert _words(ax).startswith("no ")
    assert not ax.collections
    assert not ax.lines


def test_no_ratios_say_so() -> None:
    assert _words(plot_probe_cost({})).startswith("no ")


def test_a_run_on_one_page(run: Run) -> None:
    figure = draw_overview(run)
    figure.draw_without_rendering()
    assert [bool(ax.get_ylabel()) and bool(ax.get_title(loc="left")) for ax in figure.axes] == [True] * len(ON_ONE_PAGE)
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    assert run.policy in figure.get_suptitle()


def test_policies_in_several_quantities(comparison: Comparison) -> None:
    figure = draw_policies(comparison, ["goodput_bps", "sends", "optmem_peak_bytes"])
    figure.draw_without_rendering()
    assert [ax.get_visible() for ax in figure.axes] == [True, True, True, False]
    with pytest.raises(UsageError):
        plot_policies(comparison, quantity="speed")


def test_given_axes_are_used_and_pyplot_is_left_alone(shipped: dict[str, Comparison]) -> None:
    ax = new_figure(4, 3).add_subplot()
    assert plot_optmem(shipped["in-order"].runs[0], ax) is ax
    assert plt.get_fignums() == []


def test_a_figure_that_stands_alone_says_what_it_was_drawn_from(comparison: Comparison) -> None:
    for ax in (plot_optmem(comparison[0]), plot_goodput(comparison)):
        text = ax.get_figure().get_supxlabel()  # type: ignore[union-attr]
        for word in (comparison.meta.scenario, comparison[0].meta.host.kernel_release, "n = "):
            assert word in text


def test_a_notebook_shows_a_figure_as_png(shipped: dict[str, Comparison]) -> None:
    figure = plot_goodput(shipped["in-order"]).get_figure()
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[union-attr]


def test_the_limit_and_the_death_are_labelled(shipped: dict[str, Comparison]) -> None:
    words = _words(plot_optmem(shipped["held-completions"].runs_of("qemu-pre")[0]))
    assert "optmem_max = 64 KiB" in words
    assert "the send fails for good" in words


def test_the_close_look_says_what_held_optmem_and_what_the_flush_cost(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs_of("qemu-merged")[0]
    first = df_enobufs(run)["time_s"].iloc[0]
    title = plot_optmem(run, until_s=0.1).get_title(loc="left")
    assert f"after {first * 1e3:.1f} ms: optmem" in title
    assert "the answer to it took" in title
    assert "ENOBUFS" not in plot_optmem(run, until_s=0.001).get_title(loc="left")


def test_channels_are_lines_of_their_own_and_optmem_is_about_one(shipped: dict[str, Comparison]) -> None:
    run = shipped["channels"].runs[0]
    count = len(run.meta.cookies)
    labels = [line.get_label() for line in plot_errqueue(run).lines]
    assert [f"channel {channel}" for channel in range(count)] == [name for name in labels if "channel" in str(name)]
    assert f"of {count}" in plot_optmem(run).get_title(loc="left")
    assert f"channel 1 of {count}" in plot_optmem(run, channel=1).get_title(loc="left")


@pytest.fixture(scope="module")
def refused_often(shipped: dict[str, Comparison], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that met ENOBUFS, stalled and was read from many thousand times: its rows again and again, ever later."""
    run = shipped["held-completions"].runs_of("qemu-merged")[0]
    folder = tmp_path_factory.mktemp("often")
    shutil.copy(run.folder / "sends.parquet", folder)
    for table in ("kernel_events", "meminfo", "stalls"):
        rows = run.read(table)
        if table == "kernel_events":
            rows = rows[rows["kind"] == "enobufs"]
        times = -(-_OFTEN // len(rows))
        many = pd.concat([rows] * times, ignore_index=True)
        clock = time_column(table)
        many[clock] = np.linspace(rows[clock].min(), rows[clock].max(), len(many)).astype(np.int64)
        many.to_parquet(folder / f"{table}.parquet")
    return run_with(run, folder, format_version=FORMAT_VERSION)


def _size(ax: Axes) -> int:
    """Artists, and the points and shapes in them."""
    points = sum(len(line.get_xdata()) for line in ax.lines)  # type: ignore[arg-type]
    shapes = sum(len(path.vertices) for collection in ax.collections for path in collection.get_paths())
    return len(ax.findobj()) + points + shapes


@pytest.mark.parametrize("plot", [plot_optmem, plot_errqueue, plot_enobufs, plot_in_flight, plot_send_rate])
def test_a_figure_has_a_bounded_number_of_artists(plot: Callable[[Run], Axes], refused_often: Run) -> None:
    assert len(df_enobufs(refused_often)) >= _OFTEN
    assert len(df_stalls(refused_often)) >= _OFTEN
    ax = plot(refused_often)
    _check_labels(ax)
    ax.figure.canvas.draw()
    assert _size(ax) < _OFTEN


def test_the_distribution_of_many_stalls_has_a_bounded_number_of_steps(refused_often: Run) -> None:
    ax = plot_stalls([refused_often])
    assert _size(ax) < _OFTEN
    assert f"n = {len(df_stalls(refused_often)):,} stalls" in str(ax.get_legend().get_texts()[0].get_text())  # type: ignore[union-attr]


def test_bars_of_many_refused_calls_are_their_means_and_say_so(refused_often: Run) -> None:
    table = df_enobufs(refused_often)
    ax = plot_enobufs(refused_often)
    assert len(ax.patches) <= 2 * MOST_BARS
    size = -(-len(table) // MOST_BARS)
    assert f"mean of {size:,} in a row" in ax.get_xlabel()
    unread = [bar.get_height() * 1024 for bar in ax.patches if bar.get_y() == 0]  # type: ignore[attr-defined]
    expected = [table["unread_bytes"].iloc[first : first + size].mean() for first in range(0, len(table), size)]
    assert unread == pytest.approx(expected)


def test_calls_are_grouped_as_the_summaries_have_them(comparison: Comparison) -> None:
    counts = count_results(comparison.runs)
    for policy in comparison.policies:
        own = [run.sender for run in comparison.runs_of(policy)]
        fatal = sum(sender.outcome == "dead_enobufs" for sender in own)
        assert counts.loc[policy, "ok"] == sum(sender.sends for sender in own)
        assert counts.loc[policy, "fatal"] >= fatal
        assert counts.loc[policy, "fatal"] + counts.loc[policy, "retried"] == sum(s.enobufs_count for s in own)


def test_the_legend_of_stalls_has_n_and_quantiles(shipped: dict[str, Comparison]) -> None:
    comparison = shipped["held-completions"]
    legend = plot_stalls(comparison.runs).get_legend()
    assert legend is not None
    texts = {text.get_text().split(":")[0]: text.get_text() for text in legend.get_texts()}
    stalls = comparison.runs_of("qemu-merged")[0].sender.stall_count
    assert f"n = {stalls} stalls in 1 run" in texts["qemu-merged"]
    assert all(word in texts["qemu-merged"] for word in ("p50", "p99", "max"))
    assert "no stalls" in texts["qemu-pre"]


def test_runs_without_a_goodput_are_said_and_not_drawn(silent: Comparison, shipped: dict[str, Comparison]) -> None:
    assert "the sink of no run reported what arrived" in _words(plot_goodput(silent))
    mixed = [*silent, *shipped["in-order"]]
    assert "not shown: 3 runs whose sink did not report" in plot_goodput(mixed).get_xlabel()
    assert "3 runs of 3 had no report from the sink and no goodput." in captions(silent)["goodput"]
    figure = draw_overview(silent[0])
    assert "goodput not known: the sink did not report" in figure.get_suptitle()
    draw_policies(silent)


def test_the_caption_of_goodput_has_what_is_missing(lossy: Comparison) -> None:
    assert "Of 6,054 datagrams sent, 3,027 were received and 3,027 are missing." in captions(lossy)["goodput"]
