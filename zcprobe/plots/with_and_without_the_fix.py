# SPDX-License-Identifier: GPL-2.0-only
"""The main figure of a comparison: what filled optmem, when the send failed, and what the flush cost."""

import textwrap
from collections.abc import Sequence

import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from zcprobe.analysis.channels import channel_count
from zcprobe.analysis.enobufs import first_enobufs
from zcprobe.analysis.optmem import telling_channel
from zcprobe.analysis.timebase import outcome_time_s
from zcprobe.dataset.load import Comparison, Run
from zcprobe.format.outcomes import OUTCOME_WORDS
from zcprobe.plots.canvas import LEAST_INCHES, add_outside_legend, new_figure, say_empty
from zcprobe.plots.errqueue import plot_errqueue
from zcprobe.plots.optmem import explain_first_enobufs, plot_optmem
from zcprobe.plots.order import in_order
from zcprobe.plots.style import DEATH, ENOBUFS, FILLS, LIMIT, style_of
from zcprobe.plots.timeline import time_axis, until_first_flush_s
from zcprobe.plots.words import counted
from zcprobe.policies import POLICIES
from zcprobe.units import format_duration_ns

__all__ = ["draw_with_and_without_the_fix", "representative_run"]

_COLUMNS = 3
_COLUMN_INCHES = 5.0
_ROW_INCHES = 3.1
_TITLE_CHARACTERS = 60
_TITLE_LINES = 7
_STORY = "MSG_ZEROCOPY sends: what fills the socket's optmem, when sendmsg fails with ENOBUFS, what the flush costs"
_CLOSE_SHARE = 0.6
"""The largest share of the whole run for a close look. A longer one would show the same again."""
_CLOSE_TIMES = 4
"""A close look is at most this many times as long as the time until the earliest answer to ENOBUFS."""


def representative_run(runs: Sequence[Run]) -> Run | None:
    """The run with the median number of sends, or the lower of the two in the middle; ties are broken by duration. None
    without runs."""
    ordered = sorted(runs, key=lambda run: (run.sender.sends, run.sender.duration_ns, run.name))
    return ordered[(len(ordered) - 1) // 2] if ordered else None


def draw_with_and_without_the_fix(comparison: Comparison) -> Figure:
    """One column per policy, at most three beside each other, on shared axes. A column shows one representative run:
    optmem up to the answer to the first ENOBUFS, optmem over the whole run, and the error queue."""
    shown = {policy: representative_run(comparison.runs_of(policy)) for policy in in_order(comparison.policies)}
    spans = _spans([run for run in shown.values() if run is not None])
    rows = 3 if spans.close_s else 2
    columns = min(_COLUMNS, len(shown)) or 1
    blocks = -(-len(shown) // _COLUMNS) or 1
    figure = new_figure(max(_COLUMN_INCHES * columns + 0.6, LEAST_INCHES), _ROW_INCHES * rows * blocks + 1.7)
    grid = figure.subplots(rows * blocks, columns, squeeze=False)
    for ax in grid.flat:
        ax.set_visible(False)
    for index, (policy, run) in enumerate(shown.items()):
        block, column = divmod(index, columns)
        panels = list(grid[block * rows : (block + 1) * rows, column])
        for ax in panels:
            ax.set_visible(True)
        _draw_column(panels, policy, run, len(comparison.runs_of(policy)), spans)
    for row in range(rows):
        _same_height([ax for at, axes in enumerate(grid) if at % rows == row for ax in axes if ax.get_visible()])
    _add_legend(figure, columns, comparison.runs)
    story = _STORY if columns > 1 else _STORY.replace(", when", ",\nwhen")
    figure.suptitle(f"{story}\n{comparison.meta.scenario}: one run per policy, the one with the median number of sends")
    return figure


class _Spans(msgspec.Struct, frozen=True):
    """Where the time axes of all policies end. `close_s` is None when a close look would show nothing more."""

    close_s: float | None
    whole_s: float


def _spans(runs: list[Run]) -> _Spans:
    """The close look ends after the last of the runs' first answers to ENOBUFS, unless the earliest would then be hard
    to see."""
    answered = [end for run in runs if (end := until_first_flush_s(run)) is not None]
    whole_s = max((time_axis(run, 1.1 * outcome_time_s(run)).end_s for run in runs), default=1.0)
    close_s = min(max(answered), _CLOSE_TIMES * min(answered)) if answered else whole_s
    return _Spans(close_s if close_s < _CLOSE_SHARE * whole_s else None, whole_s)


def _same_height(axes: list[Axes]) -> None:
    """Gives all `axes` the same height, from 0 on. Axes that hold only a text have no ticks, so it does not matter."""
    top = max((ax.get_ylim()[1] for ax in axes), default=1.0)
    for ax in axes:
        ax.set_ylim(0, top)


def _draw_column(panels: list[Axes], policy: str, run: Run | None, run_count: int, spans: _Spans) -> None:
    if run is None:
        for ax in panels:
            say_empty(ax, "no run of this policy was made")
        _put_title(panels[0], policy, "no run", "")
        return
    whole, queue = panels[-2:]
    plot_optmem(run, whole, spans.whole_s, explain=not spans.close_s)
    plot_errqueue(run, queue, spans.whole_s)
    whole_words = "the whole run (it met no ENOBUFS)" if first_enobufs(run) is None else "the whole run"
    whole.set_title(f"{whole_words}{_channel_words(run)}", loc="left", fontsize=10)
    queue.set_title("error queue, the whole run", loc="left", fontsize=10)
    if spans.close_s:
        plot_optmem(run, panels[0], spans.close_s)
        panels[0].set_title("")
        close_words = f"its first {format_duration_ns(spans.close_s * 1e9)}"
    else:
        whole.set_title("")
        close_words = whole_words
    words = explain_first_enobufs(run, telling_channel(run), spans.close_s or spans.whole_s) or close_words
    _put_title(panels[0], policy, _outcome(run, run_count), words)


def _channel_words(run: Run) -> str:
    count = channel_count(run)
    return f", channel {telling_channel(run)} of {count}" if count > 1 else ""


def _put_title(ax: Axes, policy: str, outcome: str, panel: str) -> None:
    """Writes over the column the policy in its colour, what the policy stands for, and what became of the run."""
    known = POLICIES.get(policy)
    lines = [known.stands_for, f"on ENOBUFS: {known.on_enobufs}"] if known else []
    wrapped = [part for line in [*lines, outcome] for part in textwrap.wrap(line.replace("`", ""), _TITLE_CHARACTERS)]
    # Every title has the same height, so that the panels below are aligned.
    closing = ["", *panel.split("\n")]
    wrapped += [""] * (_TITLE_LINES + 1 - len(wrapped) - len(closing))
    title = ax.set_title("\n".join([*wrapped, *closing]), loc="left", fontsize=10)
    ax.annotate(
        policy,
        (0, 1),
        xycoords=title,
        xytext=(0, 4),
        textcoords="offset points",
        fontsize=15,
        fontweight="bold",
        color=style_of(policy).color,
    )


def _outcome(run: Run, run_count: int) -> str:
    sender = run.sender
    length = format_duration_ns(sender.duration_ns)
    words = OUTCOME_WORDS[sender.outcome]
    text = f"{words}: {sender.sends:,} sends in {length}"
    if sender.stall_count:
        text += f"; {counted(sender.stall_count, 'stall')}, {format_duration_ns(sender.stall_ns_total)} in all"
    shown = f"(1 of {counted(run_count, 'run')} shown)".replace(" ", "\u00a0")
    return f"{text} {shown}"


def _add_legend(figure: Figure, columns: int, runs: list[Run]) -> None:
    fills = [Patch(label=fill.label, **fill.arguments()) for fill in FILLS.values()]
    lines = [
        Line2D([], [], label="limit (optmem_max)", **LIMIT),
        Line2D([], [], label="sendmsg returned ENOBUFS", **ENOBUFS),
        Line2D([], [], label="the send fails for good", **DEATH),
    ]
    add_outside_legend(figure, [*fills, *lines], min(2 * columns, 4), runs)
