# SPDX-License-Identifier: GPL-2.0-only
"""What held optmem at each ENOBUFS of a run."""

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from zcprobe.analysis.enobufs import count_causes, group_enobufs
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.style import FILLS, LIMIT

__all__ = ["MOST_BARS", "plot_enobufs"]

_KIB = 1024
_BAR = 0.8

MOST_BARS = 60
"""More bars than that would be too thin to distinguish, so a bar is then the mean of several ENOBUFS in a row."""


def plot_enobufs(run: Run, ax: Axes | None = None) -> Axes:
    """Stacked bars of ENOBUFS in their order: KiB of unread and of in-flight charges, and the limit. There are at most
    60 bars, each of which is the mean of the same number of calls."""
    alone, ax = ax is None, axes_or_new(ax, [run])
    causes = count_causes(run)
    named = ", ".join(f"{count:,} {cause}" for cause, count in causes.items())
    ax.set_title(f"{run.policy}: ENOBUFS by cause: {named or 'none'}", loc="left", fontsize=10)
    ax.set_xlabel("ENOBUFS of the run, in order")
    ax.set_ylabel("optmem charged [KiB]")
    table = group_enobufs(run, MOST_BARS)
    if table.empty:
        return say_empty(ax, "no sendmsg call of this run returned ENOBUFS")
    size, calls = int(table["call_count"].max()), table["call_count"].to_numpy()
    if size > 1:
        ax.set_xlabel(f"ENOBUFS of the run, in order; a bar is the mean of {size:,} in a row")
    middle, width = calls.cumsum() - (calls - 1) / 2, calls if size > 1 else _BAR
    if table["unread_bytes"].isna().all():
        ax.bar(middle, table["optmem_bytes"] / _KIB, width, color="#CCCCCC", label="level; holders unknown")
    else:
        unread, in_flight = (table[f"{holder}_bytes"].to_numpy() / _KIB for holder in ("unread", "in_flight"))
        ax.bar(middle, unread, width, label=FILLS["unread"].label, **FILLS["unread"].arguments())
        ax.bar(middle, in_flight, width, unread, label=FILLS["in_flight"].label, **FILLS["in_flight"].arguments())
    limit = float(table["optmem_max_bytes"].max()) / _KIB
    ax.axhline(limit, label="limit (optmem_max)", **LIMIT)
    ax.set_ylim(0, limit * 1.1)
    ax.set_xlim(0.3, max(int(calls.sum()), 4) + 0.7)
    if alone:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False, fontsize=8.5)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    return ax
