# SPDX-License-Identifier: GPL-2.0-only
"""What an attachment saw of the socket that came closest to its limit."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.samples import df_samples
from zcprobe.dataset.load import Attachment, Run
from zcprobe.plots.canvas import axes_or_new, say_empty, without_markup
from zcprobe.plots.style import FILLS, LIMIT, PAPER
from zcprobe.units import format_bytes

__all__ = ["plot_samples"]

_KIB = 1024
_HEADROOM = 1.22
"""The height of the axes in limits, or in peaks where these are far below."""
_FAR = 0.1
"""A peak below this share of the limit is drawn on a scale of its own."""


def plot_samples(run: Run, ax: Axes | None = None, socket: int | None = None) -> Axes:
    """Highest charges of unread notifications and of sends in flight in each interval, in KiB, against optmem_max: of
    the socket with that number, or of the one whose optmem came closest to its limit. Every socket has a limit of its
    own. Peaks between the looks are missed."""
    table = df_samples(run)
    ax = axes_or_new(ax, [run])
    ax.set_ylabel("optmem charged [KiB]")
    ax.set_xlabel("time since the watching began [s]")
    if table.empty:
        ax.set_title(without_markup(run.name), loc="left")
        return say_empty(ax, "no samples: only an attachment that saw a socket with zerocopy has them")
    chosen = _fullest(table) if socket is None else socket
    ax.set_title(without_markup(_title(run, chosen)), loc="left", fontsize=10)
    _draw(ax, table[table["socket"] == chosen])
    ax.legend(loc="upper right", fontsize=8)
    return ax


def _fullest(table: pd.DataFrame) -> int:
    shares = table["optmem_peak_bytes"] / table["optmem_max_bytes"].clip(lower=1)
    return int(table["socket"].to_numpy()[shares.to_numpy().argmax()])


def _title(run: Run, number: int) -> str:
    if not isinstance(run, Attachment):
        return f"{run.name}: socket {number}"
    sockets = [one for one in run.kernel.sockets if one.number is not None]
    found = next((one for one in sockets if one.number == number), None)
    where = f"to {found.remote}" if found is not None and found.remote else ""
    return f"{run.meta.selection}: socket {number} of {len(sockets)} {where}\nsampled; peaks between looks are missed"


def _draw(ax: Axes, table: pd.DataFrame) -> None:
    limit = float(table["optmem_max_bytes"].max()) / _KIB
    peak = float(table["optmem_peak_bytes"].max()) / _KIB
    time = np.concatenate([[0.0], table["time_s"].to_numpy()])

    def steps(values: "pd.Series[int]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        held = values.to_numpy(dtype=np.float64) / _KIB
        return np.concatenate([held[:1], held])

    # the two parts have their peaks at different moments: together they are never above the level's own
    level = steps(table["optmem_peak_bytes"])
    unread = np.minimum(steps(table["unread_peak_bytes"]), level)
    ax.fill_between(time, 0, unread, step="pre", label=FILLS["unread"].label, **FILLS["unread"].arguments())
    ax.fill_between(time, unread, level, step="pre", label=FILLS["in_flight"].label, **FILLS["in_flight"].arguments())
    ax.step(time, level, where="pre", color="#333333", linewidth=0.6)
    ax.set_xlim(0, max(float(time[-1]), 1e-9))
    label = f"limit: optmem_max = {format_bytes(limit * _KIB)}"
    if peak < _FAR * limit:
        ax.set_ylim(0, peak * _HEADROOM or 1.0)
        ax.text(0.01, 0.97, f"{label}, far above", transform=ax.transAxes, fontsize=9, va="top", bbox=PAPER)
        return
    ax.set_ylim(0, max(limit, peak) * _HEADROOM)
    ax.axhline(limit, **LIMIT)
    ax.text(0.01, limit * 1.02, label, transform=ax.get_yaxis_transform(), fontsize=9, va="bottom", bbox=PAPER)
