# SPDX-License-Identifier: GPL-2.0-only
"""sendmsg calls by what they returned, a group of bars per policy."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from zcprobe.analysis.alike import require_comparable
from zcprobe.analysis.sendmsg_results import df_sendmsg_results
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import axes_or_new, say_empty
from zcprobe.plots.order import by_policy
from zcprobe.plots.style import Fill
from zcprobe.plots.words import counted

__all__ = ["RESULT_GROUPS", "count_results", "plot_sendmsg_results"]

RESULT_GROUPS = {
    "ok": Fill("ok", "#C9D7E3", ""),
    "retried": Fill("ENOBUFS, answered by the policy and retried", "#F2B84B", "////"),
    "fatal": Fill("ENOBUFS, fatal", "#E58A94", "xxxx"),
    "other": Fill("other errors", "#DDDDDD", "...."),
}
_BAR = 0.2


def count_results(runs: Sequence[Run]) -> pd.DataFrame:
    """The number of calls of all `runs` (int64) per policy (index) and group of results (columns, as in RESULT_GROUPS).
    UsageError for runs that were made in different ways."""
    require_comparable(runs, "one sum")
    counts = {policy: dict.fromkeys(RESULT_GROUPS, 0) for policy in dict.fromkeys(run.policy for run in runs)}
    for run in runs:
        for group, calls in _grouped(df_sendmsg_results(run)).items():
            counts[run.policy][group] += calls
    return pd.DataFrame.from_dict(counts, orient="index", columns=list(RESULT_GROUPS)).astype("int64")


def _grouped(table: pd.DataFrame) -> dict[str, int]:
    ok, enobufs = table["result"] == "ok", table["result"] == "ENOBUFS"
    calls, fatal = table["sender_count"], table["fatal_count"]
    return {
        "ok": int(calls[ok].sum()),
        "retried": int((calls - fatal)[enobufs].sum()),
        "fatal": int(fatal[enobufs].sum()),
        "other": int(calls[~ok & ~enobufs].sum()),
    }


def plot_sendmsg_results(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """Calls of all runs of each policy on a logarithmic axis. The numbers stand at the bars, zeros too."""
    runs = by_policy(runs)
    ax = axes_or_new(ax, runs)
    ax.set_xlabel("sendmsg calls, all runs of a policy together (logarithmic)")
    ax.set_ylabel("policy")
    ax.set_title("What the sendmsg calls returned", loc="left")
    counts = count_results(runs)
    if counts.empty:
        return say_empty(ax, "no run was made")
    repeats = [sum(run.policy == policy for run in runs) for policy in counts.index]
    for offset, (name, fill) in enumerate(RESULT_GROUPS.items()):
        at = [position + (offset - 1.5) * _BAR for position in range(len(counts))]
        bars = ax.barh(at, counts[name].clip(lower=0.5), _BAR * 0.9, label=fill.label, **fill.arguments())
        ax.bar_label(bars, [f"{count:,}" for count in counts[name]], padding=3, fontsize=9)
    ax.set_xscale("log")
    ax.set_xlim(0.5, max(float(counts.to_numpy().max()), 1.0) * 8)
    labels = [f"{policy}\nn = {counted(n, 'run')}" for policy, n in zip(counts.index, repeats, strict=True)]
    ax.set_yticks(range(len(counts)), labels)
    ax.invert_yaxis()
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=9)
    return ax
