# SPDX-License-Identifier: GPL-2.0-only
"""What every timeline of a run shows beside its quantity: ENOBUFS, stalls, the outcome and settling."""

from collections.abc import Sequence

import msgspec
import numpy as np
from matplotlib.artist import Artist
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
    "timeline_handles",
    "until_first_flush_s",
]

_SETTLING_SHARE = 0.3
"""How much of settling is drawn, as a share of the run's length. Settling may last much longer than the run, and this
share is enough to show how the run ends."""

_SPANS = 400

_NAMED = 8
"""The largest number of channels that a legend names."""

_LABEL_SHARE = 0.07
"""The room after the outcome for its label, as a share of the run's length."""


class TimeAxis(msgspec.Struct, frozen=True):
    """A time axis from 0 to `end_s` seconds. Seconds times `per_s` give values in `unit`."""

    end_s: float
    unit: str
    per_s: float

    def apply(self, ax: Axes) -> None:
        ax.set_xlim(0, self.end_s * self.per_s)
        ax.set_xlabel(f"time since the first send [{self.unit}]")


def time_axis(run: Run, last_s: float, until_s: float | None = None) -> TimeAxis:
    """An axis for the whole run and the beginning of its settling, or one that ends at `until_s`. `last_s` is the time
    of the last value there is."""
    outcome_s = outcome_time_s(run)
    least_s = outcome_s * (1 + _LABEL_SHARE)
    end_s = until_s or max(least_s, min(last_s, outcome_s * (1 + _SETTLING_SHARE)))
    end_s = end_s or 1e-3
    # The outcome decides, so that all timelines of a run have the same unit.
    return TimeAxis(end_s, "s", 1.0) if (until_s or outcome_s) >= 10 else TimeAxis(end_s, "ms", 1e3)


def span_edges_s(run: Run, until_s: float | None = None) -> NDArray[np.float64]:
    """The edges, in seconds, of 400 equal parts of what `time_axis` can show. A timeline may leave out readings between
    them."""
    return np.linspace(0, until_s or outcome_time_s(run) * (1 + _SETTLING_SHARE) or 1e-3, _SPANS + 1)


def until_first_flush_s(run: Run) -> float | None:
    """The time in seconds at which a close look ends: it shows the first ENOBUFS, the answer to it, and a little more.
    None without ENOBUFS."""
    enobufs, stall = first_enobufs(run), first_stall(run)
    if enobufs is None:
        return None
    first_s = float(enobufs["time_s"])
    stall_s = 0.0 if stall is None else float(stall["duration_ns"]) / 1e9
    return first_s + max(1.4 * stall_s, 0.3 * first_s)


def mark_stalls(ax: Axes, run: Run, axis: TimeAxis, channel: int | None = None) -> None:
    """Shades the span of each stall, however short, over the whole height; for one channel, or for all."""
    spans = [(begin * axis.per_s, length * axis.per_s) for begin, length in stall_spans(run, axis.end_s, channel)]
    if spans:
        ax.broken_barh(spans, (0, 1), transform=ax.get_xaxis_transform(), zorder=0.6, **FILLS["stall"].arguments())


def mark_enobufs(ax: Axes, run: Run, axis: TimeAxis, height: float, channel: int | None = None) -> None:
    """Points a triangle at each ENOBUFS, at `height` of the axes (0 to 1). All ENOBUFS within a thousandth of the axis
    share one."""
    times = enobufs_moments(run, axis.end_s, channel)
    ax.plot(times * axis.per_s, np.full(len(times), height), transform=ax.get_xaxis_transform(), **ENOBUFS)


def finish_timeline(ax: Axes, run: Run, axis: TimeAxis, *, alone: bool) -> None:
    """Marks ENOBUFS, stalls and the outcome of all channels. The legend is added when the timeline stands alone."""
    if channel_count(run) == 1:  # A stall of one channel is not a stall of the others.
        mark_stalls(ax, run, axis)
    mark_enobufs(ax, run, axis, 0.94)
    mark_outcome(ax, run, axis, label=False)
    if alone:
        add_timeline_legend(ax)


def add_channel_legend(ax: Axes, policy: str, channels: Sequence[int]) -> None:
    """Adds a legend inside the axes that says which line is which channel. It stays when another legend is added below
    the axes."""
    lines = [
        Line2D([], [], label=f"channel {channel}", **channel_style(policy, channel)) for channel in channels[:_NAMED]
    ]
    legend = ax.legend(handles=lines, loc="upper left", fontsize=8, ncols=4, framealpha=0.85)
    ax.add_artist(legend)


def timeline_handles(fills: Sequence[str] = ("stall", "settling"), lines: Sequence[Line2D] = ()) -> list[Artist]:
    """What a legend needs to say what areas, lines and triangles mean."""
    return [
        *(Patch(label=FILLS[name].label, **FILLS[name].arguments()) for name in fills),
        *lines,
        Line2D([], [], label="sendmsg returned ENOBUFS", **ENOBUFS),
        Line2D([], [], label="the send fails for good", **DEATH),
    ]


def add_timeline_legend(ax: Axes, fills: Sequence[str] = ("stall", "settling"), lines: Sequence[Line2D] = ()) -> None:
    """Adds a legend below the axes, for a timeline that stands alone."""
    handles = timeline_handles(fills, lines)
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False, fontsize=8.5)


def mark_outcome(ax: Axes, run: Run, axis: TimeAxis, channel: int | None = None, *, label: bool) -> None:
    """Marks the moment at which the outcome of the run, or of one channel, was known, and settling after it."""
    outcome_s = outcome_time_s(run, channel)
    outcome = run.sender.outcome if channel is None else channel_summary(run, channel).outcome
    if outcome_s > axis.end_s:
        return
    at = outcome_s * axis.per_s
    died = outcome.startswith("dead")
    # Settling is shaded beyond this axis too, because a longer one may be shared with it.
    ax.axvspan(at, 100 * axis.end_s * axis.per_s, zorder=0.5, **FILLS["settling"].arguments())
    ax.axvline(at, **(DEATH if died else DEATH | {"color": "#333333", "linewidth": 1.2}))
    if label:
        text = "the send fails for good" if outcome == "dead_enobufs" else OUTCOME_WORDS[outcome]
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
