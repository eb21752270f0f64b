# SPDX-License-Identifier: GPL-2.0-only
"""Causes of ENOBUFS, a bar per policy."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.enobufs_causes import CAUSES_OF_ENOBUFS, df_enobufs_causes
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.style import FILLS, PAPER, Fill
from zcprobe.plots.words import counted

__all__ = ["draw_enobufs_causes", "plot_enobufs_causes"]

_CAUSES = {
    "optmem, unread": Fill("optmem, mostly unread notifications", FILLS["unread"].facecolor, FILLS["unread"].hatch),
    "optmem, in flight": Fill("optmem, mostly in flight", FILLS["in_flight"].facecolor, FILLS["in_flight"].hatch),
    "optmem, holder not recorded": Fill("optmem, holder not recorded", "#E8E8C8", "\\\\"),
    "memlock": Fill("RLIMIT_MEMLOCK", "#B8A1CF", "xxxx"),
    "memlock_new": Fill("RLIMIT_MEMLOCK, new uarg", "#B8A1CF", "xxxx"),
    "memlock_extended": Fill("RLIMIT_MEMLOCK, extended uarg", "#D8C9E8", "xx"),
    "allocation": Fill("no memory for the notification", "#C8C8A0", "oo"),
    "fastopen": Fill("TCP fast open", "#A0C8A0", "||"),
    "foreign_uarg": Fill("uarg of io_uring on the tail", "#A0C8C8", "//"),
    "corked": Fill("corked datagram", "#C8A0A0", "\\\\\\"),
    "qdisc": Fill("dropped by the qdisc", "#E0B090", "OO"),
    "ambiguous": Fill("more than one possible", "#EEEEEE", "**"),
    "other": Fill("another cause", "#DDDDDD", "----"),
    "unknown": Fill("not known without probes", "#FFFFFF", "++"),
}


def plot_enobufs_causes(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """Share of each policy's refused calls by cause, all runs together. The counts stand in the bars."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs)
    ax.set_title("Why sendmsg returned ENOBUFS", loc="left", fontsize=11)
    ax.set_xlabel("share of the refused calls of a policy")
    ax.set_ylabel("policy")
    table = df_enobufs_causes(runs)
    if table.empty:
        return say_empty(ax, "no sendmsg call of these runs returned ENOBUFS")
    policies = list(dict.fromkeys(run.policy for run in runs))
    counts = table.pivot_table(index="policy", columns="cause", values="call_count", fill_value=0)
    counts = counts.reindex(index=policies, columns=list(CAUSES_OF_ENOBUFS), fill_value=0).astype(int)
    draw_enobufs_causes(ax, counts)
    repeats = [sum(run.policy == policy for run in runs) for policy in policies]
    totals = counts.sum(axis=1)
    labels = [
        f"{policy}\n{counted(int(totals[policy]), 'call')} in {counted(n, 'run')}"
        for policy, n in zip(policies, repeats, strict=True)
    ]
    ax.set_yticks(range(len(policies)), labels)
    ax.set_ylim(len(policies) - 0.4, -0.6)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False, fontsize=9)
    return ax


def draw_enobufs_causes(ax: Axes, counts: pd.DataFrame) -> None:
    """Stacked bars of a table with a row for each bar, and the calls of each of CAUSES_OF_ENOBUFS as its columns."""
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    left = pd.Series(0.0, index=counts.index)
    for cause, fill in _CAUSES.items():
        if not counts[cause].any():
            continue
        bars = ax.barh(range(len(counts)), shares[cause], 0.6, left, label=fill.label, **fill.arguments())
        texts = [
            f"{count:,}" if share > 0.03 else "" for count, share in zip(counts[cause], shares[cause], strict=True)
        ]
        ax.bar_label(bars, texts, label_type="center", fontsize=9, bbox=PAPER)
        left = left + shares[cause]
