# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe campaign: which plan is meant, and what it would do"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from zcprobe.campaign.begin import new_campaign
from zcprobe.campaign.built_in import BUILT_IN
from zcprobe.campaign.ledger import Ledger
from zcprobe.campaign.plan_file import MOST_PLAN_BYTES, Plan, parse_plan, plan_of
from zcprobe.campaign.points import PlannedPoint, points_of
from zcprobe.campaign.resume import find_campaign, require_same_plan
from zcprobe.cli.campaign_text import dry_text
from zcprobe.cli.plan_options import make_run, plan_options
from zcprobe.dataset.campaign import read_campaign
from zcprobe.errors import UsageError
from zcprobe.format.campaign import axes_text
from zcprobe.units import format_wait_s

__all__ = ["run"]


def _read_plan(options: argparse.Namespace) -> Plan:
    """The plan in the file; that of the campaign, if it is a campaign's folder; or a built-in one."""
    path = options.plan
    if str(path) in BUILT_IN:
        return plan_of(BUILT_IN[str(path)].make(options.quick, options.only), plan_options())
    for name in ("quick", "only"):
        if getattr(options, name):
            hint = f"leave it out, or name a built-in plan: {', '.join(BUILT_IN)}"
            raise UsageError(f"--{name} is an option of built-in plans, and {path} is not one of them", hint)
    if path.is_dir():
        return plan_of(read_campaign(path).plan, plan_options())
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_PLAN_BYTES + 1)  # it may be a device without an end
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        hint = "name a TOML file; zcprobe campaign -h shows one"
        raise UsageError(f"the plan {path} cannot be read: {reason}", hint) from None
    return parse_plan(raw, plan_options())


def _found(options: argparse.Namespace, plan: Plan) -> Path | None:
    """The folder of the campaign that goes on; None for one that begins."""
    if str(options.plan) not in BUILT_IN and options.plan.is_dir():
        if not options.resume:
            raise UsageError(f"{options.plan} is a campaign's folder", "add --resume to go on, or name a plan")
        return Path(options.plan)
    return find_campaign(options.output, plan.settings.name) if options.resume else None


def run(options: argparse.Namespace) -> int:
    plan = _read_plan(options)
    found = _found(options, plan)
    if options.dry_run:
        _tell_plan(plan, points_of(plan, make_run), found, as_json=options.json)
        return 0
    from zcprobe.cli.campaign_runs import run_plan  # with scipy, which takes long to import

    return run_plan(plan, options, found)


def _tell_plan(plan: Plan, points: Sequence[PlannedPoint], found: Path | None, *, as_json: bool) -> None:
    """What would be done, and how long it would take; of a campaign that was found, what is missing."""
    campaign = new_campaign(plan, points) if found is None else read_campaign(found)
    require_same_plan(campaign, found or Path(), points, plan.settings)
    ledger = Ledger(campaign, points, plan.settings)
    each_s = [ledger.expected_s(point.key) for point in points]
    made, planned, left_s = ledger.progress(1)
    if made < planned:
        left_s += plan.settings.warm_up * max(each_s)
    rows = [
        {"key": point.key, "axes": point.axes, "expected_s": seconds}
        for point, seconds in zip(points, each_s, strict=True)
    ]
    if as_json:
        content = {"plan": plan.content, "points": rows, "runs": planned, "made": made, "expected_s": left_s}
        sys.stdout.buffer.write(msgspec.json.encode(content) + b"\n")
        return
    for point, seconds in zip(points, each_s, strict=True):
        print(f"{point.key}  {format_wait_s(seconds):>7}  {axes_text(point.axes)}")
    print(dry_text(len(points), plan.settings, made, left_s))
