from collections.abc import Callable

import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes

from zcprobe.dataset.load import Comparison, Run
from zcprobe.plots.canvas import new_figure
from zcprobe.plots.enobufs import plot_enobufs
from zcprobe.plots.errqueue import plot_errqueue
from zcprobe.plots.goodput import plot_goodput
from zcprobe.plots.late_completions import plot_late_completions
from zcprobe.plots.optmem import plot_optmem
from zcprobe.plots.sendmsg_results import count_results, plot_sendmsg_results
from zcprobe.plots.stalls import plot_stalls

OF_ONE_RUN = [plot_optmem, plot_errqueue, plot_enobufs]
OF_RUNS = [plot_sendmsg_results, plot_stalls, plot_goodput, plot_late_completions]


def _check(ax: Axes) -> None:
    """Labelled, and it can really be drawn."""
    assert ax.get_xlabel()
    assert ax.get_ylabel() or ax.get_yticklabels()
    assert ax.get_title(loc="left")
    figure = ax.get_figure()
    assert figure is not None
    figure.canvas.draw()


def _words(ax: Axes) -> str:
    return " ".join(text.get_text() for text in ax.texts)


@pytest.mark.parametrize("plot", OF_ONE_RUN)
def test_each_run_is_drawn(plot: Callable[[Run], Axes], run: Run) -> None:
    _check(plot(run))


@pytest.mark.parametrize("plot", OF_RUNS)
def test_each_comparison_is_drawn(plot: Callable[[list[Run]], Axes], comparison: Comparison) -> None:
    _check(plot(comparison.runs))


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


def test_given_axes_are_used_and_pyplot_is_left_alone(shipped: dict[str, Comparison]) -> None:
    ax = new_figure(4, 3).add_subplot()
    assert plot_optmem(shipped["in-order"].runs[0], ax) is ax
    assert plt.get_fignums() == []


def test_the_limit_and_the_death_are_labelled(shipped: dict[str, Comparison]) -> None:
    words = _words(plot_optmem(shipped["held-completions"].runs_of("qemu-pre")[0]))
    assert "optmem_max = 64 KiB" in words
    assert "the send fails for good" in words


def test_the_close_look_says_what_held_optmem_and_what_the_flush_cost(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs_of("qemu-merged")[0]
    words = _words(plot_optmem(run, until_s=0.01))
    assert "cause optmem" in words
    assert "the stall took" in words


def test_calls_are_grouped_as_the_summaries_have_them(comparison: Comparison) -> None:
    counts = count_results(comparison.runs)
    for policy in comparison.policies:
        own = [run.summary for run in comparison.runs_of(policy)]
        fatal = sum(summary["outcome"] == "dead_enobufs" for summary in own)
        assert counts.loc[policy, "ok"] == sum(summary["sends"] for summary in own)
        assert counts.loc[policy, "fatal"] == fatal
        assert counts.loc[policy, "retried"] == sum(summary["enobufs_count"] for summary in own) - fatal


def test_the_legend_of_stalls_has_n_and_quantiles(shipped: dict[str, Comparison]) -> None:
    comparison = shipped["held-completions"]
    legend = plot_stalls(comparison.runs).get_legend()
    assert legend is not None
    texts = {text.get_text().split(":")[0]: text.get_text() for text in legend.get_texts()}
    stalls = comparison.runs_of("qemu-merged")[0].summary["stall_count"]
    assert f"n = {stalls} stalls in 1 run" in texts["qemu-merged"]
    assert all(word in texts["qemu-merged"] for word in ("p50", "p99", "max"))
    assert "no stalls" in texts["qemu-pre"]
