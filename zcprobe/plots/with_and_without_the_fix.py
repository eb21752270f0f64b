"""The figure of a comparison: what filled optmem, when the send failed, and what the flush cost."""

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from zcprobe.dataset.load import Comparison, Run
from zcprobe.plots.canvas import new_figure, say_empty
from zcprobe.plots.errqueue import plot_errqueue
from zcprobe.plots.optmem import plot_optmem
from zcprobe.plots.style import DEATH, ENOBUFS, FILLS, LIMIT, style_of
from zcprobe.plots.timeline import until_first_flush_s
from zcprobe.plots.words import counted
from zcprobe.policies import POLICIES
from zcprobe.units import format_duration_ns

__all__ = ["draw_with_and_without_the_fix", "ordered_policies", "representative_run"]

_COLUMNS = 3
_COLUMN_INCHES = 5.0
_ROW_INCHES = 3.1
_TITLE_CHARACTERS = 60
_TITLE_LINES = 6


def ordered_policies(comparison: Comparison) -> list[str]:
    """The comparison's policies as the suite lists them, unknown ones last; runs are shuffled, readers are not."""
    known = [policy for policy in POLICIES if policy in comparison.policies]
    return known + [policy for policy in comparison.policies if policy not in POLICIES]


def representative_run(runs: list[Run]) -> Run | None:
    """The run with the median number of sends (the lower of two; ties: by duration). None without runs."""
    ordered = sorted(runs, key=lambda run: (run.summary["sends"], run.summary["duration_ns"], run.folder.name))
    return ordered[(len(ordered) - 1) // 2] if ordered else None


def draw_with_and_without_the_fix(comparison: Comparison) -> Figure:
    """A column per policy, at most three beside each other: the fill before the first ENOBUFS and the answer to it, the
    whole run, and the error queue. One representative run per policy."""
    shown = {policy: representative_run(comparison.runs_of(policy)) for policy in ordered_policies(comparison)}
    close = any(run is not None and until_first_flush_s(run) is not None for run in shown.values())
    rows = 3 if close else 2
    columns = min(_COLUMNS, len(shown)) or 1
    blocks = -(-len(shown) // _COLUMNS) or 1
    figure = new_figure(_COLUMN_INCHES * columns + 0.6, _ROW_INCHES * rows * blocks + 1.6)
    grid = figure.subplots(rows * blocks, columns, squeeze=False)
    for ax in grid.flat:
        ax.set_visible(False)
    for index, (policy, run) in enumerate(shown.items()):
        block, column = divmod(index, columns)
        panels = list(grid[block * rows : (block + 1) * rows, column])
        for ax in panels:
            ax.set_visible(True)
        _draw_column(panels, policy, run, len(comparison.runs_of(policy)), close)
    _same_height([ax for row, axes in enumerate(grid) if row % rows == rows - 1 for ax in axes if ax.get_visible()])
    _add_legend(figure, columns)
    figure.suptitle(f"{comparison.meta['scenario']}: one run per policy, the one with the median number of sends")
    return figure


def _same_height(axes: list[Axes]) -> None:
    """Drawn axes begin at 0; those that only say something have no ticks and do not care."""
    top = max((ax.get_ylim()[1] for ax in axes), default=1.0)
    for ax in axes:
        ax.set_ylim(0, top)


def _draw_column(panels: list[Axes], policy: str, run: Run | None, run_count: int, close: bool) -> None:
    if run is None:
        for ax in panels:
            say_empty(ax, "no run of this policy was made")
        _put_title(panels[0], policy, "no run", "")
        return
    if close:
        until_s = until_first_flush_s(run)
        plot_optmem(run, panels[0], until_s)
        panels[0].set_title("")
        panels[1].set_title(
            "the whole run" if until_s else "the whole run (it met no ENOBUFS)", loc="left", fontsize=10
        )
    whole = panels[1] if close else panels[0]
    title = whole.get_title(loc="left")
    plot_optmem(run, whole)
    plot_errqueue(run, panels[-1])
    whole.set_title(title if close else "", loc="left", fontsize=10)
    panels[-1].set_title("error queue, the whole run", loc="left", fontsize=10)
    close_text = "up to the first ENOBUFS and the answer to it" if close else "the whole run"
    _put_title(panels[0], policy, _outcome(run, run_count), close_text)


def _put_title(ax: Axes, policy: str, outcome: str, panel: str) -> None:
    """Over the column: the policy in its colour, what it stands for, what became of the run."""
    known = POLICIES.get(policy)
    lines = [known.stands_for, f"on ENOBUFS: {known.on_enobufs}"] if known else []
    wrapped = [part for line in [*lines, outcome] for part in textwrap.wrap(line, _TITLE_CHARACTERS)]
    # the same height over every column, so that the panels below stand in line
    wrapped += [""] * (_TITLE_LINES - len(wrapped))
    title = ax.set_title("\n".join([*wrapped, panel]), loc="left", fontsize=10)
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
    summary = run.summary
    length = format_duration_ns(summary["duration_ns"])
    words = {"completed": "completed", "dead_enobufs": "dead of ENOBUFS"}.get(summary["outcome"], summary["outcome"])
    text = f"{words}: {summary['sends']:,} sends in {length}"
    if summary["stall_count"]:
        text += f"; {counted(summary['stall_count'], 'stall')}, {format_duration_ns(summary['stall_ns_total'])} in all"
    return f"{text} (1 of {counted(run_count, 'run')} shown)"


def _add_legend(figure: Figure, columns: int) -> None:
    fills = [Patch(label=fill.label, **fill.arguments()) for fill in FILLS.values()]
    lines = [
        Line2D([], [], label="limit (optmem_max)", **LIMIT),
        Line2D([], [], label="sendmsg returned ENOBUFS", **ENOBUFS),
        Line2D([], [], label="the send fails for good", **DEATH),
    ]
    figure.legend(handles=[*fills, *lines], loc="outside lower center", ncols=min(2 * columns, 4), frameon=False)
