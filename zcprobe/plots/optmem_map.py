# SPDX-License-Identifier: GPL-2.0-only
"""The map of outcomes: how much optmem a sender needs."""

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from zcprobe.analysis.optmem_map import MapAxis, df_optmem_map
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.style import PAPER, Fill
from zcprobe.units import format_bytes

__all__ = ["plot_optmem_map"]

_OUTCOMES = {
    "alive": Fill("all runs completed, no ENOBUFS", "#FFFFFF", ""),
    "met": Fill("ENOBUFS, and all runs lived", "#CFE6F7", "...."),
    "some": Fill("some runs died of ENOBUFS", "#F2B84B", "////"),
    "dead": Fill("all runs died of ENOBUFS", "#E58A94", "xxxx"),
}


def plot_optmem_map(
    runs: Sequence[Run], ax: Axes | None = None, against: MapAxis = "send_bytes", policy: str | None = None
) -> Axes:
    """One cell for each limit and size of a send (or share held), for one policy, by default the first. A cell says how
    many runs died, and what part of optmem unread notifications held at ENOBUFS."""
    ax = axes_or_new(ax, runs)
    table = df_optmem_map(runs, against)
    policy = policy or (str(table["policy"].iloc[0]) if len(table) else "")
    table = table[table["policy"] == policy]
    ax.set_title(f"{policy}: which optmem_max is enough".lstrip(": "), loc="left", fontsize=11)
    ax.set_xlabel("limit (optmem_max)")
    ax.set_ylabel("size of a send" if against == "send_bytes" else "packets of which one has its clone held")
    if table.empty:
        return say_empty(ax, "no run has both a limit and a value for the other axis")
    limits, values = sorted(table["optmem_max_bytes"].unique()), sorted(table["value"].unique())
    for row in table.to_dict("records"):
        _draw_cell(ax, limits.index(row["optmem_max_bytes"]), values.index(row["value"]), row)
    ax.set_xticks(range(len(limits)), [format_bytes(limit) for limit in limits])
    ax.set_yticks(range(len(values)), [format_bytes(v) if against == "send_bytes" else f"1 in {v}" for v in values])
    ax.set_xlim(-0.5, len(limits) - 0.5)
    ax.set_ylim(-0.5, len(values) - 0.5)
    handles = [Patch(label=fill.label, **(fill.arguments() | {"linewidth": 0.6})) for fill in _OUTCOMES.values()]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=9)
    return ax


def _outcome(row: dict[Hashable, Any]) -> str:
    if row["dead_count"] == row["run_count"]:
        return "dead"
    if row["dead_count"]:
        return "some"
    return "met" if row["enobufs_count"] else "alive"


def _draw_cell(ax: Axes, x: int, y: int, row: dict[Hashable, Any]) -> None:
    fill = _OUTCOMES[_outcome(row)]
    ax.add_patch(Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, **(fill.arguments() | {"linewidth": 0.6})))
    text = f"{row['dead_count']} of {row['run_count']} dead"
    if not pd.isna(row["unread_share"]):
        text += f"\n{row['unread_share']:.0%} unread"
    ax.text(x, y, text, ha="center", va="center", fontsize=8.5, bbox=PAPER)
