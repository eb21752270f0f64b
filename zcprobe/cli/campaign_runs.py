# SPDX-License-Identifier: GPL-2.0-only
"""The runs of a plan, and what is printed of them when they are made."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from zcprobe.analysis.baseline import Judgement, judge_against
from zcprobe.analysis.compared import Compared, compared_points
from zcprobe.analysis.crossover_quantities import Crossed
from zcprobe.analysis.questions.answers import Answered
from zcprobe.campaign.begin import new_campaign
from zcprobe.campaign.conclude import conclude
from zcprobe.campaign.conduct import Step, conduct
from zcprobe.campaign.crossover import conclude_crossover, content_of
from zcprobe.campaign.folder import CampaignFolder, make_campaign, open_campaign
from zcprobe.campaign.index import index_runs
from zcprobe.campaign.plan_file import Plan
from zcprobe.campaign.points import PlannedPoint, points_of
from zcprobe.campaign.resume import require_same_plan, settle
from zcprobe.campaign.verdicts import judge
from zcprobe.cli.answers_text import print_answer
from zcprobe.cli.baselines import (
    keep_baseline,
    print_judgement,
    require_baseline,
    require_no_regression,
    write_junit,
)
from zcprobe.cli.campaign_text import ended_text, point_table, step_text, verdict_lines
from zcprobe.cli.console import StdoutConsole
from zcprobe.cli.crossover_text import print_crossover
from zcprobe.cli.plan_options import make_run
from zcprobe.cli.streams import keeping, one_line
from zcprobe.dataset.campaign import run_digests
from zcprobe.dataset.load import load_campaign
from zcprobe.errors import OutputError, PeerError, ReconciliationError
from zcprobe.format.baseline import Baseline
from zcprobe.format.campaign import Campaign, axes_text
from zcprobe.format.questions import QUESTIONS_PAGE
from zcprobe.interrupt import deferred_interrupt
from zcprobe.lab.leftovers import clean_leftovers

__all__ = ["run_plan"]

_JUDGED = "ending: the runs are kept, and their results are put together; once more ends it at once"


def run_plan(plan: Plan, options: argparse.Namespace, found: Path | None = None) -> int:
    """Carries the plan out, or goes on in the folder that was found, and prints the results. Of the options it reads
    `output`, `json` and those about baselines.

    4 when counts of a run do not reconcile, 1 when a run failed or something got worse; outcomes of policies are
    results, not failures.
    """
    points = points_of(plan, make_run)
    baseline = require_baseline(options, (axes_text(point.axes) for point in points), plan.settings.baseline)
    with deferred_interrupt() as interruption:
        with interruption.raised():
            place = found or make_campaign(options.output, new_campaign(plan, points))
        crossed: Crossed | None = None
        answered: list[Answered] = []
        with open_campaign(place) as folder, _noting_how_to_go_on(folder):
            if found is not None:
                _go_on(folder, plan, points)
            conduct(folder, points, plan.settings, interruption, _show)
            with interruption.telling(_JUDGED):
                if folder.campaign.ended is not None:
                    judge(folder, plan.settings.smallest_effect)
                    crossed = conclude_crossover(folder)
                    answered = conclude(folder, plan.settings.questions) if plan.settings.questions else []
                _index(folder)
            campaign = folder.campaign
    with keeping("the runs are", place, interruption.signal_number):
        compared = _compared(campaign, place, options, baseline)
        judgement = judge_against(baseline, compared, plan.settings.smallest_effect) if baseline and compared else None
        _print(campaign, place, judgement, crossed, answered, as_json=options.json)
        if compared is not None:
            write_junit(options.junit, compared, judgement)
    if interruption.signal_number:
        print(f"zcprobe: interrupted\n  zcprobe campaign {place} --resume goes on", file=sys.stderr)
        return -interruption.signal_number
    _check(campaign, place)
    if compared is not None:
        keep_baseline(options, compared)
    if judgement is not None and options.fail_on_regression:
        require_no_regression(judgement)
    return 0


def _go_on(folder: CampaignFolder, plan: Plan, points: Sequence[PlannedPoint]) -> None:
    """Prepares a campaign that was made before for another sitting."""
    require_same_plan(folder.campaign, folder.place, points, plan.settings)
    for line in clean_leftovers().undone:
        print(f"zcprobe: {line}", file=sys.stderr)
    settle(folder)
    folder.campaign.plan = plan.content


@contextmanager
def _noting_how_to_go_on(folder: CampaignFolder) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        made = sum(len(point.runs) for point in folder.campaign.points)
        error.add_note(f"{made} runs are in {folder.place}: zcprobe campaign {folder.place} --resume goes on")
        raise


def _index(folder: CampaignFolder) -> None:
    """The runs are what a campaign is for: one without an index is told, and whole all the same."""
    try:
        index_runs(folder)
    except OutputError as error:
        print(f"zcprobe: {one_line(str(error))}\n  {one_line(error.hint)}", file=sys.stderr)


def _compared(
    campaign: Campaign, place: Path, options: argparse.Namespace, baseline: Baseline | None
) -> Compared | None:
    """The points of a campaign that has ended, if baselines or JUnit XML need them: their runs are read for that."""
    is_needed = baseline is not None or options.save_baseline is not None or options.junit is not None
    if campaign.ended is None or not is_needed or not run_digests(campaign):
        return None
    return compared_points(campaign, place.name, load_campaign(place))


def _show(step: Step) -> None:
    print(step_text(step), file=sys.stderr)


def _print(
    campaign: Campaign,
    place: Path,
    judgement: Judgement | None,
    crossed: Crossed | None,
    answered: Sequence[Answered],
    *,
    as_json: bool,
) -> None:
    if as_json:
        content = {**msgspec.to_builtins(campaign), "folder": str(place)}
        content |= {"judgement": judgement} if judgement else {}
        content |= {"crossover": content_of(crossed)} if crossed else {}
        sys.stdout.buffer.write(msgspec.json.encode(content) + b"\n")
        return
    if not answered:
        StdoutConsole().print(point_table(campaign))
    if crossed is not None:
        print_crossover(crossed)
    for one in answered:
        print_answer(one.answer)
    is_told = crossed is not None or bool(answered)
    page = [f"page    {place / QUESTIONS_PAGE}"] if answered else []
    print("\n".join([*verdict_lines(campaign, each=not is_told), ended_text(campaign), *page, f"folder  {place}"]))
    if judgement is not None:
        print_judgement(judgement)


def _check(campaign: Campaign, place: Path) -> None:
    """ReconciliationError if the counts of a run differ, PeerError if a run failed."""
    runs = [run for point in campaign.points for run in point.runs if not run.complete]
    hint = f"campaign.json in {place} says of each run why"
    broken = [run for run in runs if run.outcome != "failed"]
    if broken:
        raise ReconciliationError(f"{len(broken)} runs cannot be counted, the first because {broken[0].why}", hint)
    if runs:
        raise PeerError(f"{len(runs)} runs failed, the first because {runs[0].why}", hint)
