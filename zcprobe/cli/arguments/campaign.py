# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe campaign`."""

import argparse
from pathlib import Path

from zcprobe.cli.arguments.baselines import add_baselines

__all__ = ["EXAMPLES", "add_campaign"]

EXAMPLES = """\
a plan has the long options of zcprobe run; a list is an axis, and every combination is a point:

  policy = ["qemu-pre", "qemu-merged"]
  optmem-max = ["20K", "128K"]
  length = "64K"
  [plan]
  name = "limits"
  repeats = 5            # blocks; each has every point once, in an order of its own
  precision = "5 %"      # go on until every median is known that well ...
  budget = "30m"         # ... or this time is spent

examples:
  zcprobe campaign limits.toml --dry-run      the points, and how long they will take
  zcprobe campaign limits.toml                make the runs
  zcprobe campaign limits.toml --resume       go on after Ctrl-C, a crash or a reboot
  zcprobe campaign crossover                  a built-in plan: from which size of a send zerocopy pays
  zcprobe campaign questions --quick          another one: fourteen questions, answered in ten minutes
"""


def add_campaign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "plan",
        type=Path,
        metavar="PLAN",
        help="the plan, a TOML file, or the name of a built-in one (crossover, questions); or with --resume a"
        " campaign's folder",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="make no run; say which there are, and how long they take"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the newest campaign of this plan's name; without one, begin it",
    )
    parser.add_argument("--quick", action="store_true", help="of a built-in plan: fewer and shorter runs")
    parser.add_argument("--only", metavar="Q1,Q11", help="of the built-in plan questions: answer only these")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="parent of the campaign's folder (%(default)s)",
    )
    parser.add_argument("-J", "--json", action="store_true", help="print campaign.json, or the dry run, as JSON")
    add_baselines(parser)
