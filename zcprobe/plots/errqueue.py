"""Length of the error queue over time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from zcprobe.analysis.enobufs import df_enobufs
from zcprobe.analysis.errqueue import df_errqueue
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.downsample import envelope
from zcprobe.plots.style import style_of
from zcprobe.plots.timeline import mark_enobufs, mark_outcome, mark_stalls, time_axis

__all__ = ["plot_errqueue"]


def plot_errqueue(run: Run, ax: Axes | None = None) -> Axes:
    """errqueue_depth, in notifications; ENOBUFS, stalls and the outcome marked."""
    ax = axes_or_new(ax)
    table = df_errqueue(run)
    known = table[table["errqueue_depth"].notna()]
    axis = time_axis(run, float(table["time_s"].max()) if len(table) else 0.0)
    ax.set_title(f"{run.policy}: error queue", loc="left")
    ax.set_ylabel("errqueue depth [notifications]")
    axis.apply(ax)
    if known.empty:
        return say_empty(ax, "the length of the error queue is not known:\nit takes the probes to read it")
    depth = known["errqueue_depth"].to_numpy(dtype=np.float64)
    kept = envelope(known["time_s"].to_numpy(), depth)
    time = known["time_s"].to_numpy()[kept] * axis.per_s
    style = style_of(run.policy)
    ax.step(time, depth[kept], where="post", color=style.color, linestyle=style.linestyle, linewidth=1.0)
    ax.set_ylim(0, max(depth.max(), 1) * 1.2)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    mark_stalls(ax, run, axis)
    mark_enobufs(ax, df_enobufs(run)["time_s"], axis, 0.94)
    mark_outcome(ax, run, axis, label=False)
    return ax
