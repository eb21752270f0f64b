# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe plot`."""

import argparse
from pathlib import Path

from zcprobe.cli.arguments.inputs import add_inputs

__all__ = ["EXAMPLES", "add_plot"]

EXAMPLES = """\
figures of one run, or of each:  optmem  errqueue  tcp_info
of each attachment:              samples
of runs made alike:              with_and_without_the_fix  enobufs  sendmsg_results  stall_latency  goodput
                                 late_completions  round_trips
examples:
  zcprobe plot RUN -o optmem.svg
  zcprobe plot results/COMPARISON -o fix.pdf
  zcprobe plot RUN OTHER_RUN --figure stall_latency -o stalls.png
"""


def add_plot(parser: argparse.ArgumentParser) -> None:
    add_inputs(parser)
    parser.add_argument(
        "--figure", metavar="NAME", help="figure to draw (optmem for one run, with_and_without_the_fix for several)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="FILE.svg, .png or .pdf; without it SVG on stdout"
    )
