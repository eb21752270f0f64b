# SPDX-License-Identifier: GPL-2.0-only
"""What every timeline of a run shows beside its quantity: ENOBUFS, stalls, the outcome, settling."""

from collections.abc import Sequence

import msgspec
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from zcprobe.analysis.channels import channel_count, channel_summary
from zcprobe.analysis.enobufs import enobufs_moments, first_enobufs
from zcprobe.analysis.stalls import first_stall, stall_spans
from zcprobe.analysis.timebase import outcome_time_s
from zcprobe.dataset.load import Run
from zcprobe.format.outcomes import OUTCOME_WORDS
from zcprobe.plots.style import DEATH, ENOBUFS, FILLS, channel_style

__all__ = [
    "TimeAxis",
    "add_channel_legend",
    "add_timeline_legend",
    "finish_timeline",
    "mark_enobufs",
    "mark_outcome",
    "mark_stalls",
    "span_edges_s",
    "time_axis",
    "until_first_flush_s",
]

_SETTLING_SHARE = 0.3
"""Settling may last much longer than the run; this share of the run's length is enough to show how it ends."""

_SPANS = 400

_NAMED = 8
"""Most channels that a legend names."""

_LABEL_SHARE = 0.07
"""Room after the outcome for its label."""


class TimeAxis(msgspec.Struct, frozen=True):
    """Seconds times `per_s` are `unit`; the axis ends at `end_s`."""

    end_s: float
    unit: str
    per_s: float

    def apply(self, ax: Axes) -> None:
        ax.set_xlim(0, self.end_s * self.per_s)
        ax.set_xlabel(f"time since the first send [{self.unit}]")


def time_axis(run: Run, last_s: float, until_s: float | None = None) -> TimeAxis:
    """The whole run and the beginning of its settling, or up to `until_s`; `last_s` is the last thing there is."""
    outcome_s = outcome_time_s(run)
    least_s = outcome_s * (1 + _LABEL_SHARE)
    end_s = until_s or max(least_s, min(last_s, outcome_s * (1 + _SETTLING_SHARE)))
    end_s = end_s or 1e-3
    # by the outcome, so that all timelines of a run have the same unit
    return TimeAxis(end_s, "s", 1.0) if (until_s or outcome_s) >= 10 else TimeAxis(end_s, "ms", 1e3)


def span_edges_s(run: Run, until_s: float | None = None) -> NDArray[np.float64]:
    """Where a timeline may leave out readings: the edges of 400 parts of what `time_axis` can show, in seconds."""
    return np.linspace(0, until_s or outcome_time_s(run) * (1 + _SETTLING_SHARE) or 1e-3, _SPANS + 1)


def until_first_flush_s(run: Run) -> float | None:
    """Where a close look ends: the first ENOBUFS, what was done about it, and a while more. None without ENOBUFS."""
    enobufs, stall = first_enobufs(run), first_stall(run)
    if enobufs is None:
        return None
    first_s = float(enobufs["time_s"])
    stall_s = 0.0 if stall is None else float(stall["duration_ns"]) / 1e9
    return first_s + max(1.4 * stall_s, 0.3 * first_s)


def mark_stalls(ax: Axes, run: Run, axis: TimeAxis, channel: int | None = None) -> None:
    """One shaded span per stall, however short, over the whole height; of one channel, or of all."""
    spans = [(begin * axis.per_s, length * axis.per_s) for begin, length in stall_spans(run, axis.end_s, channel)]
    if spans:
        ax.broken_barh(spans, (0, 1), transform=ax.get_xaxis_transform(), zorder=0.6, **FILLS["stall"].arguments())


def mark_enobufs(ax: Axes, run: Run, axis: TimeAxis, height: float, channel: int | None = None) -> None:
    """A triangle pointing at each ENOBUFS, at `height` of the axes (0 to 1); one for all within a thousandth of it."""
    times = enobufs_moments(run, axis.end_s, channel)
    ax.plot(times * axis.per_s, np.full(len(times), height), transform=ax.get_xaxis_transform(), **ENOBUFS)


def finish_timeline(ax: Axes, run: Run, axis: TimeAxis, *, alone: bool) -> None:
    """ENOBUFS, stalls and the outcome of all channels; the legend where no other figure has it."""
    if channel_count(run) == 1:  # one channel's stalls are no stalls of the others
        mark_stalls(ax, run, axis)
    mark_enobufs(ax, run, axis, 0.94)
    mark_outcome(ax, run, axis, label=False)
    if alone:
        add_timeline_legend(ax)


def add_channel_legend(ax: Axes, policy: str, channels: Sequence[int]) -> None:
    """Which line is which channel, inside the axes; it stays when another legend is added below them."""
    lines = [
        Line2D([], [], label=f"channel {channel}", **channel_style(policy, channel)) for channel in channels[:_NAMED]
    ]
    legend = ax.legend(handles=lines, loc="upper left", fontsize=8, ncols=4, framealpha=0.85)
    ax.add_artist(legend)


def add_timeline_legend(ax: Axes, fills: Sequence[str] = ("stall", "settling"), lines: Sequence[Line2D] = ()) -> None:
    """What the areas, lines and triangles are, below the axes; for a timeline that stands alone."""
    handles = [
        *(Patch(label=FILLS[name].label, **FILLS[name].arguments()) for name in fills),
        *lines,
        Line2D([], [], label="sendmsg returned ENOBUFS", **ENOBUFS),
        Line2D([], [], label="the send fails for good", **DEATH),
    ]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False, fontsize=8.5)


def mark_outcome(ax: Axes, run: Run, axis: TimeAxis, channel: int | None = None, *, label: bool) -> None:
    """The moment the outcome was known, of the run or of one channel, and settling after it."""
    outcome_s = outcome_time_s(run, channel)
    outcome = run.summary.outcome if channel is None else channel_summary(run, channel).outcome
    if outcome_s > axis.end_s:
        return
    at = outcome_s * axis.per_s
    died = outcome.startswith("dead")
    # beyond the axis too: another's may be longer, and they may be put on the same
    ax.axvspan(at, 100 * axis.end_s * axis.per_s, zorder=0.5, **FILLS["settling"].arguments())
    ax.axvline(at, **(DEATH if died else DEATH | {"color": "#333333", "linewidth": 1.2}))
    if label:
        text = "the send fails for good" if outcome == "dead_enobufs" else OUTCOME_WORDS.get(outcome, outcome)
        ax.annotate(
            text,
            (at, 0.45),
            xycoords=ax.get_xaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            rotation=90,
            ha="left",
            va="center",
            fontsize=10,
            color=DEATH["color"] if died else "#333333",
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.0},
        )
