"""What held optmem at each ENOBUFS of a run."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from zcprobe.analysis.enobufs import df_enobufs
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.style import FILLS, LIMIT

__all__ = ["plot_enobufs"]

_KIB = 1024


def plot_enobufs(run: Run, ax: Axes | None = None) -> Axes:
    """One stacked bar per ENOBUFS in the order they came: KiB of unread and of in-flight charges, and the limit."""
    alone, ax = ax is None, axes_or_new(ax, [run])
    table = df_enobufs(run)
    causes = ", ".join(f"{count} {cause}" for cause, count in table["cause"].value_counts().items())
    ax.set_title(f"{run.policy}: ENOBUFS by cause: {causes or 'none'}", loc="left", fontsize=10)
    ax.set_xlabel("ENOBUFS of the run, in order")
    ax.set_ylabel("optmem charged [KiB]")
    if table.empty:
        return say_empty(ax, "no sendmsg call of this run returned ENOBUFS")
    index = np.arange(1, len(table) + 1)
    width = 0.8 if len(table) <= 60 else 1.0
    if table["unread_bytes"].isna().all():
        ax.bar(index, table["optmem_bytes"] / _KIB, width, color="#CCCCCC", label="level; holders unknown")
    else:
        unread = table["unread_bytes"].to_numpy(dtype=np.float64) / _KIB
        in_flight = table["in_flight_bytes"].to_numpy(dtype=np.float64) / _KIB
        ax.bar(index, unread, width, label=FILLS["unread"].label, **FILLS["unread"].arguments())
        ax.bar(index, in_flight, width, unread, label=FILLS["in_flight"].label, **FILLS["in_flight"].arguments())
    limit = float(table["optmem_max_bytes"].max()) / _KIB
    ax.axhline(limit, label="limit (optmem_max)", **LIMIT)
    ax.set_ylim(0, limit * 1.1)
    ax.set_xlim(0.3, max(len(table), 4) + 0.7)
    if alone:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False, fontsize=8.5)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    return ax
