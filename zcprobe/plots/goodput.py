# SPDX-License-Identifier: GPL-2.0-only
"""The goodput of every run, with the median of each policy."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.goodput import df_goodput
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.strip import HOLLOW, draw_strip, strip_title
from zcprobe.plots.words import counted

__all__ = ["plot_goodput"]


def plot_goodput(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """One point per run, hollow when the run did not complete. A bar with a bootstrap interval is the median."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs, by_column=True)
    table = df_goodput(runs)
    ax.set_title(strip_title("Goodput"), loc="left", fontsize=11)
    ax.set_ylabel("goodput [Gbit/s]")
    ax.set_xlabel(f"{HOLLOW}, with the goodput of a short unhindered start{_unknown(table)}", fontsize=9)
    if table["goodput_bps"].notna().any():
        return draw_strip(ax, table, "goodput_bps", 1e9)
    return say_empty(ax, "no run was made" if table.empty else "the sink of no run reported what arrived")


def _unknown(table: pd.DataFrame) -> str:
    """Says how many runs have no point."""
    count = int(table["goodput_bps"].isna().sum())
    return f"\nnot shown: {counted(count, 'run')} whose sink did not report" if count else ""
