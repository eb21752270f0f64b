# SPDX-License-Identifier: GPL-2.0-only
"""CPU time per gigabyte of every run, with the median of each policy."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from zcprobe.analysis.cpu import df_cpu
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.strip import HOLLOW, draw_strip, strip_title

__all__ = ["plot_cpu"]


def plot_cpu(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """CPU seconds of the sending threads, user and system together, per 10^9 bytes; one point per run."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs, by_column=True)
    table = df_cpu(runs)
    table = table[table["bytes_sent"] > 0]
    ax.set_title(strip_title("CPU of the sending threads"), loc="left", fontsize=11)
    ax.set_ylabel("CPU per gigabyte sent [s/GB]")
    ax.set_xlabel(HOLLOW, fontsize=9)
    return say_empty(ax, "no run sent a byte") if table.empty else draw_strip(ax, table, "cpu_s_per_gb")
