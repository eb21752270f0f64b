# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `compare` and `campaign` that are about baselines and CI."""

import argparse
from functools import partial
from pathlib import Path

from zcprobe.format.baseline import parse_baseline_name

__all__ = ["add_baselines"]


def add_baselines(parser: "argparse._ActionsContainer") -> None:
    parser.add_argument(
        "--save-baseline",
        type=partial(parse_baseline_name, "--save-baseline"),
        metavar="NAME",
        help="keep the values of the runs",
    )
    parser.add_argument(
        "--baseline",
        type=partial(parse_baseline_name, "--baseline"),
        metavar="NAME",
        help="compare each policy or point with itself in what was kept",
    )
    parser.add_argument(
        "--fail-on-regression",
        action="store_true",
        help="exit with 1 if something is worse than in the baseline, with 4 if that cannot be told",
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the claims as JUnit XML, for CI")
