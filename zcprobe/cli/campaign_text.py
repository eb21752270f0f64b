# SPDX-License-Identifier: GPL-2.0-only
"""A campaign in text: each run as it is made, and a table of its points."""

from collections import Counter

from rich.table import Table

from zcprobe.campaign.conduct import Step
from zcprobe.campaign.estimate import ASSUMED_GOODPUT_BPS
from zcprobe.campaign.settings import Settings
from zcprobe.format.campaign import Campaign, Point, axes_text, value_text
from zcprobe.format.intervals import CONFIDENCE_TEXT, interval_text
from zcprobe.units import format_goodput_bps, format_rate_bps, format_wait_s

__all__ = ["dry_text", "ended_text", "point_table", "step_text", "verdict_lines"]

_ENDED = {
    None: "it can go on: zcprobe campaign --resume",
    "complete": "all runs of the plan are made",
    "precise": "every median is as precise as the plan asks for",
    "budget": "the plan's budget is spent; a larger one and --resume go on",
}


def step_text(step: Step) -> str:
    """A line for a run that was made just now."""
    run = step.run
    what = f"failed: {run.why}" if run.folder is None else f"{run.outcome}, {format_goodput_bps(run.goodput_bps)}"
    if run.folder is not None and run.why is not None:
        what += f", not valid: {run.why}"
    left = f"{step.made} of {step.planned}, {format_wait_s(step.left_s)} left"
    return f"{left}: {axes_text(step.point.axes)}, block {run.block}: {what}"


def dry_text(points: int, settings: Settings, made: int, left_s: float) -> str:
    """How many runs there will be, and how long they will take."""
    runs = points * settings.repeats
    text = f"{points} points in {settings.repeats} blocks are {runs} runs"
    if made == runs:
        return f"{text}, all of which are made"
    if made:
        return f"{text}, of which {made} are made: the others take about {format_wait_s(left_s)}"
    text += f": about {format_wait_s(left_s)}, if the unimpaired path carries {format_rate_bps(ASSUMED_GOODPUT_BPS)}"
    if settings.precision is not None:
        text += f"; then more blocks until medians are known within {100 * settings.precision:g} %"
    return text if settings.budget_s is None else f"{text}; at most {format_wait_s(settings.budget_s)}"


def point_table(campaign: Campaign) -> Table:
    """A row for each point: how its runs ended, and the median of its goodput."""
    by_axes = sorted(campaign.points, key=lambda point: -len(point.axes))  # the longest lists show the plan's order
    axes = list(dict.fromkeys(name for point in by_axes for name in point.axes))
    title = f"{campaign.name}: medians over runs and their {CONFIDENCE_TEXT} bootstrap intervals"
    table = Table(*(axes or ["point"]), "counted", "outcomes", "goodput", title=title)
    for point in campaign.points:
        own = [value_text(point.axes[name]) if name in point.axes else "-" for name in axes] or [point.key]
        counted = sum(run.is_counted for run in point.runs)
        table.add_row(*own, f"{counted} of {len(point.runs)}", _outcomes(point), _goodput(point))
    return table


def _outcomes(point: Point) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in Counter(run.outcome for run in point.runs).items())


def _goodput(point: Point) -> str:
    from zcprobe.analysis.policies import estimate_median  # scipy takes long to import

    values = [run.goodput_bps for run in point.runs if run.is_counted and run.goodput_bps is not None]
    found = estimate_median(values)
    return interval_text(found.median, found.low, found.high, format_rate_bps)


def verdict_lines(campaign: Campaign, *, each: bool = True) -> list[str]:
    """With `each` a sentence for each verdict, with the noise beside the difference; of several axes only for those
    that show one, because campaign.json has the others too."""
    is_short = len({verdict.axis for verdict in campaign.verdicts}) == 1
    lines = [verdict.text for verdict in campaign.verdicts if each and (is_short or verdict.shown)]
    if campaign.verdicts:
        shown = sum(verdict.shown for verdict in campaign.verdicts)
        lines.append(f"{shown} of {len(campaign.verdicts)} comparisons show a difference.")
    if campaign.stamp is not None:
        lines.append(f"{campaign.stamp.text}.")
    return lines


def ended_text(campaign: Campaign) -> str:
    """Why the campaign made its last run, and how long it took."""
    return f"{_ENDED[campaign.ended]}; {format_wait_s(campaign.spent_s)} were spent"
