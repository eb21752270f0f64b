# SPDX-License-Identifier: GPL-2.0-only
"""One run on one page, as four timelines."""

from matplotlib.figure import Figure

from zcprobe.dataset.load import Run
from zcprobe.format.outcomes import OUTCOME_WORDS
from zcprobe.plots.canvas import add_method_line, new_figure
from zcprobe.plots.errqueue import plot_errqueue
from zcprobe.plots.in_flight import plot_in_flight
from zcprobe.plots.optmem import plot_optmem
from zcprobe.plots.send_rate import plot_send_rate
from zcprobe.units import format_duration_ns, format_goodput_bps

__all__ = ["draw_overview"]


def draw_overview(run: Run) -> Figure:
    """What the sockets took, sends in flight, optmem and the error queue over the same time; for any length of run."""
    figure = new_figure(10, 10)
    axes = figure.subplots(4, 1)
    for ax, plot in zip(axes, (plot_send_rate, plot_in_flight, plot_optmem, plot_errqueue), strict=True):
        plot(run, ax)
        ax.set_title(ax.get_title(loc="left").removeprefix(f"{run.policy}: "), loc="left", fontsize=10)
    last = max(ax.get_xlim()[1] for ax in axes)
    for ax in axes:
        ax.set_xlim(0, last)
    for ax in axes[:-1]:
        ax.set_xlabel("")
    sender = run.sender
    outcome = OUTCOME_WORDS[sender.outcome]
    figure.suptitle(
        f"{run.policy} in {run.scenario}: {outcome}, {sender.sends:,} sends in"
        f" {format_duration_ns(sender.duration_ns)}, goodput {format_goodput_bps(sender.goodput_bps)}",
        x=0.01,
        ha="left",
    )
    add_method_line(figure, [run])
    return figure
