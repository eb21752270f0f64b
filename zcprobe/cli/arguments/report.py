# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe report`."""

import argparse
from pathlib import Path

from zcprobe.cli.arguments.inputs import add_inputs

__all__ = ["EXAMPLES", "add_report"]

EXAMPLES = """\
examples:
  zcprobe report results/*-compare-* -o report.html
  zcprobe report results/RUN results/OTHER_RUN -o two.html
  zcprobe report RUN --allow-incomplete -o - >report.html
"""


def add_report(parser: argparse.ArgumentParser) -> None:
    add_inputs(parser)
    parser.add_argument(
        "--all-figures", action="store_true", help="draw the figures of every group of runs, not only of the first four"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="file to write; - is stdout (%(default)s)",
    )
